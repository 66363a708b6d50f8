//! How values stand in columns: places as numbers, everything else as the text it prints as.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection};
use twinlake_base::Timestamp;
use twinlake_model::{AssetId, Digest, KindName, MalformedId, Place, RunId, SetName, SiteId};

use crate::trouble::{Outcome, Trouble};

/// A place's number, if the file has ever heard of it.
pub(crate) async fn known_place(db: &mut SqliteConnection, place: &Place) -> Outcome<Option<i64>> {
    Ok(sqlx::query_scalar("SELECT id FROM place WHERE set_name = ? AND site = ?")
        .bind(place.set.as_str())
        .bind(place.site.as_str())
        .fetch_optional(db)
        .await?)
}

/// A place's number, given now if it has none. Only inside a write.
pub(crate) async fn place_number(db: &mut SqliteConnection, place: &Place) -> Outcome<i64> {
    if let Some(number) = known_place(&mut *db, place).await? {
        return Ok(number);
    }
    Ok(sqlx::query_scalar("INSERT INTO place (set_name, site) VALUES (?, ?) RETURNING id")
        .bind(place.set.as_str())
        .bind(place.site.as_str())
        .fetch_one(db)
        .await?)
}

/// The numbers of the places of many rows, each looked up once.
#[derive(Default)]
pub(crate) struct PlaceNumbers(HashMap<Place, i64>);

impl PlaceNumbers {
    /// A place's number, given now if it has none. Only inside a write.
    pub(crate) async fn of(&mut self, db: &mut SqliteConnection, place: &Place) -> Outcome<i64> {
        if let Some(number) = self.0.get(place) {
            return Ok(*number);
        }
        let number = place_number(db, place).await?;
        self.0.insert(place.clone(), number);
        Ok(number)
    }
}

/// How many rows one statement writes. Each statement costs two thread switches, each row a few of SQLite's 32,766
/// parameters.
pub(crate) const ROWS_AT_ONCE: usize = 500;

/// The place with a number.
pub(crate) async fn place_of(db: &mut SqliteConnection, number: i64) -> Outcome<Place> {
    let row = sqlx::query("SELECT set_name, site FROM place WHERE id = ?").bind(number).fetch_one(db).await?;
    Ok(Place::new(row.try_get::<&str, _>(0)?.into(), row.try_get::<&str, _>(1)?.into()))
}

/// Reads identities of many rows so that equal kinds and places share their memory.
#[derive(Default)]
pub(crate) struct Names {
    kinds: HashMap<Box<str>, KindName>,
    places: HashMap<Box<str>, Place>,
    sites: HashMap<Box<str>, SiteId>,
    runs: HashMap<Box<str>, RunId>,
}

impl Names {
    /// The identity that this text prints.
    pub(crate) fn asset(&mut self, text: &str) -> Outcome<AssetId> {
        let split = text.split_once('/').and_then(|(kind, rest)| Some((kind, rest.split_once('/')?)));
        let Some((kind, (origin, minted))) = split else {
            return Err(text.parse::<AssetId>().err().map_or_else(|| unreadable(text), Trouble::from));
        };
        Ok(AssetId::new(shared(&mut self.kinds, kind), self.place(origin)?, minted.into()))
    }

    /// The set's place at a site.
    pub(crate) fn place_at(&mut self, set: &SetName, site: &str) -> Place {
        Place::new(set.clone(), shared(&mut self.sites, site))
    }

    /// A run.
    pub(crate) fn run(&mut self, text: &str) -> RunId {
        shared(&mut self.runs, text)
    }

    fn place(&mut self, text: &str) -> Result<Place, MalformedId> {
        if let Some(place) = self.places.get(text) {
            return Ok(place.clone());
        }
        let place: Place = text.parse()?;
        self.places.insert(text.into(), place.clone());
        Ok(place)
    }
}

fn shared<N: Clone + for<'a> From<&'a str>>(known: &mut HashMap<Box<str>, N>, text: &str) -> N {
    if let Some(name) = known.get(text) {
        return name.clone();
    }
    let name = N::from(text);
    known.insert(text.into(), name.clone());
    name
}

/// A date.
pub(crate) fn timestamp(text: &str) -> Outcome<Timestamp> {
    Ok(text.parse()?)
}

/// A date that is kept as microseconds, because it is compared.
pub(crate) fn moment(microseconds: i64) -> Outcome<Timestamp> {
    Ok(Timestamp::from_microsecond(microseconds)?)
}

/// A digest of 32 bytes.
pub(crate) fn digest(bytes: &[u8]) -> Outcome<Digest> {
    bytes
        .try_into()
        .map(Digest::from_bytes)
        .map_err(|_| Trouble::Unreadable("a digest is not 32 bytes long".into()))
}

/// A number of ours that SQLite, which knows no unsigned ones, gave back.
pub(crate) fn unsigned(number: i64) -> Outcome<u64> {
    u64::try_from(number).map_err(|_| Trouble::Unreadable(format!("{number} is below zero")))
}

/// A number of ours as SQLite can hold it.
pub(crate) fn signed(number: u64) -> Outcome<i64> {
    i64::try_from(number).map_err(|_| Trouble::Unreadable(format!("{number} is too large to be kept")))
}

fn unreadable(text: &str) -> Trouble {
    Trouble::Unreadable(format!("{text:?} is not an asset"))
}
