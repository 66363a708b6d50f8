//! Equality of two places, proven by a second way.
//!
//! A switchover moves production onto what the sync says is equal. Here the same is asked of the places themselves, by
//! code that shares nothing with planning: both are listed anew, what a listing does not show is read, references are
//! resolved to what they mean on each side by that side's own table, and the group's mappings are checked as relations
//! (may this text stand there for that one?) rather than applied. So a mistake in pairing, localizing or comparing does
//! not vouch for itself.
//!
//! Whether things run is left out, and so is what the schema of a kind says is the service's. What the operator accepts
//! as incomplete is left out by name. Lists may be stale: what seems unequal is read once more, by itself, once every
//! reader must see what was written.
//!
//! What is not done: nothing here says what to do about a difference. A sync puts it right, or a verdict explains it.

mod alike;
mod holding;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::StreamExt;
use twinlake_assets::{AssetKind, kinds};
use twinlake_base::Clock;
use twinlake_model::{
    AssetId, Digest, EqualityProof, IdMap, Key, KindName, Mappings, Mark, Outcome, Place, RemoteId,
    Selection, Unequal, Verdict,
};
use twinlake_store::Store;

use self::alike::{Site, differences};
use self::holding::{Held, Holding};
use crate::{Side, SyncError, Watch, rights, settle};

/// How many contents are read at once from each side.
const READS_AT_ONCE: usize = 16;

/// Two places that should hold the same, and on what terms.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// What is to be equalled.
    pub source: &'a Side,
    /// What is to equal it.
    pub target: &'a Side,
    /// What of them.
    pub selection: &'a Selection,
    /// What is called otherwise at the other site.
    pub mappings: &'a Mappings,
    /// The verdicts that the operator accepts although they are not complete. Of a `partial` one the fields are left out
    /// that it names; of all others the whole asset.
    pub accepted: &'a [Outcome],
    /// Which bytes are read.
    pub bytes: Bytes,
}

/// Which bytes of notebooks and files are read for a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bytes {
    /// All, from both places.
    All,
    /// Those whose mark in the listing is not the one at which they were read before. For estates too large to be
    /// exported within the time that a switchover has.
    Unproven,
}

/// Proves that two places hold the same, or says in what they do not. Sends GETs alone.
///
/// # Errors
/// When either place could not be listed to a proven end, or the state could not be read. Then nothing is proven.
pub async fn prove_equal(
    store: &Store,
    clock: &Clock,
    pair: Pair<'_>,
    watch: &dyn Watch,
) -> Result<EqualityProof, SyncError> {
    let at = clock.now();
    let Pair { source, target, selection, .. } = pair;
    let (of_source, of_target) = (source.client.reader(), target.client.reader());
    futures::try_join!(rights::prove(&of_source, &source.place), rights::prove(&of_target, &target.place))?;
    let ids = store.id_map(&source.place.set).await?;
    let is_copy = |kind: &KindName, remote: &RemoteId| ids.known(kind, &target.place, remote).is_some();
    let (mut here, mut there) = futures::try_join!(
        Holding::gather(source, selection, &|_, _| false, watch),
        Holding::gather(target, selection, &is_copy, watch),
    )?;
    let mut judge = Judge { store, pair, ids: &ids, contents: Contents::new(), contents_read: 0 };
    let mut first = judge.judge(&here, &there).await?;
    if !first.unequal.is_empty() {
        let window = first.unequal.iter().map(|unequal| settle::visible(&unequal.asset.kind, clock.now()));
        if let Some(visible_at) = window.max() {
            settle::until(clock, visible_at).await;
        }
        for unequal in &first.unequal {
            let kind = &unequal.asset.kind;
            let remotes = judge.remotes(unequal, &here, &there);
            for (holding, remote) in [(&mut here, remotes.0), (&mut there, remotes.1)] {
                if let Some(remote) = remote {
                    holding.read_again(kind, &remote).await?;
                    judge.contents.remove(&(holding.place().clone(), kind.clone(), remote));
                }
            }
        }
        first = judge.judge(&here, &there).await?;
    }
    let left_out = pair.accepted.iter().filter(|outcome| !outcome.verdict.is_complete()).cloned();
    Ok(EqualityProof {
        source: source.place.clone(),
        target: target.place.clone(),
        at,
        equal: first.equal,
        contents_read: judge.contents_read,
        unequal: first.unequal,
        left_out: left_out.collect(),
        digest: Digest::of(first.compared.as_bytes()),
    })
}

/// What a comparison of two holdings came to.
#[derive(Default)]
struct Judgement {
    equal: BTreeMap<KindName, usize>,
    unequal: Vec<Unequal>,
    /// One line for each pair that was compared.
    compared: String,
}

/// What of an asset is left out.
enum Accepted {
    Whole,
    Fields(Vec<String>),
}

/// The digest of each object's bytes, or why there is none.
type Contents = HashMap<(Place, KindName, RemoteId), Result<Digest, String>>;

/// Compares holdings, and reads bytes for it.
struct Judge<'a> {
    store: &'a Store,
    pair: Pair<'a>,
    ids: &'a IdMap,
    /// What was read, or is known by its mark.
    contents: Contents,
    contents_read: usize,
}

impl Judge<'_> {
    async fn judge(&mut self, here: &Holding<'_>, there: &Holding<'_>) -> Result<Judgement, SyncError> {
        let accepted = self.accepted();
        let mut judgement = Judgement::default();
        let mut matched: BTreeSet<(KindName, RemoteId)> = BTreeSet::new();
        let (mine, theirs) = futures::try_join!(self.contents_of(here), self.contents_of(there))?;
        self.contents_read += mine.1 + theirs.1;
        self.contents.extend(mine.0.into_iter().chain(theirs.0));
        for held in here.selected() {
            let kind = KindName::from(held.kind.schema().name);
            let asset = self.ids.identity(&kind, here.place(), &held.remote);
            let partner = self.partner(held, &asset, there);
            matched.extend(partner.map(|partner| (kind.clone(), partner.remote.clone())));
            let ignored = match accepted.get(&asset) {
                Some(Accepted::Whole) => continue,
                Some(Accepted::Fields(fields)) => fields.as_slice(),
                None => &[],
            };
            let mut fields = match partner {
                Some(partner) => {
                    let compared = self.compare(&asset, (held, here), (partner, there));
                    judgement.compared.push_str(&compared.line);
                    compared.fields
                }
                None => vec![self.why_missing(&asset, there)],
            };
            fields.retain(|field| !ignored.iter().any(|ignored| is_within(field, ignored)));
            match fields.is_empty() {
                true => *judgement.equal.entry(kind).or_default() += 1,
                false => judgement.unequal.push(Unequal { asset, key: held.key.clone(), fields }),
            }
        }
        // Copies of what is gone. What people made at the target is theirs, and so is what the group let go.
        for held in there.selected().filter(|held| !matched.contains(&(held.name(), held.remote.clone()))) {
            let Some(asset) = self.ids.known(&held.name(), there.place(), &held.remote) else { continue };
            let original = self.ids.remote(asset, here.place()).unwrap_or(&asset.minted);
            let is_accepted = matches!(accepted.get(asset), Some(Accepted::Whole));
            if !is_accepted && !here.lists(&held.name(), original) && !held.kind.schema().holds_others {
                let fields = vec![format!("it is not at {}", here.place().site)];
                judgement.unequal.push(Unequal { asset: asset.clone(), key: held.key.clone(), fields });
            }
        }
        for outcome in here.set_aside() {
            let asset = self.ids.identity(&outcome.asset.kind, here.place(), &outcome.asset.minted);
            if !matches!(accepted.get(&asset), Some(Accepted::Whole)) {
                let fields = vec![outcome.verdict.to_string()];
                judgement.unequal.push(Unequal { asset, key: outcome.key.clone(), fields });
            }
        }
        judgement.unequal.sort_by(|one, other| one.asset.cmp(&other.asset));
        judgement.unequal.dedup_by(|one, other| one.asset == other.asset);
        Ok(judgement)
    }

    fn accepted(&self) -> HashMap<AssetId, Accepted> {
        let incomplete = self.pair.accepted.iter().filter(|outcome| !outcome.verdict.is_complete());
        incomplete.map(|outcome| (outcome.asset.clone(), left_out(&outcome.verdict))).collect()
    }

    /// What the target has for something of the source: of the same name where names are unique, and otherwise what the
    /// id map says.
    fn partner<'h>(&self, held: &Held, asset: &AssetId, there: &'h Holding<'_>) -> Option<&'h Held> {
        match held.kind.schema().has_unique_key() {
            true => there.of_key(&held.name(), &held.key),
            false => there.get(&held.name(), self.ids.remote(asset, there.place())?),
        }
    }

    /// What is said of an asset that the target does not have, as far as is known.
    fn why_missing(&self, asset: &AssetId, there: &Holding<'_>) -> String {
        let remote = self.ids.remote(asset, there.place());
        let aside = there.set_aside().iter().find(|outcome| Some(&outcome.asset.minted) == remote);
        let aside = aside.filter(|outcome| outcome.asset.kind == asset.kind);
        let site = &there.place().site;
        aside.map_or_else(
            || format!("it is not at {site}"),
            |outcome| format!("at {site}: {}", outcome.verdict),
        )
    }

    /// What both places call something that seemed unequal.
    fn remotes(
        &self,
        unequal: &Unequal,
        here: &Holding<'_>,
        there: &Holding<'_>,
    ) -> (Option<RemoteId>, Option<RemoteId>) {
        let Unequal { asset, key, .. } = unequal;
        let is_unique = kinds::find(asset.kind.as_str()).is_some_and(|kind| kind.schema().has_unique_key());
        let of_key = |holding: &Holding<'_>| holding.of_key(&asset.kind, key).map(|held| held.remote.clone());
        let remote = |holding: &Holding<'_>| {
            let known = self.ids.remote(asset, holding.place()).cloned();
            if is_unique { of_key(holding).or(known) } else { known }
        };
        (remote(here), remote(there))
    }

    fn compare(
        &self,
        asset: &AssetId,
        (mine, here): (&Held, &Holding<'_>),
        (theirs, there): (&Held, &Holding<'_>),
    ) -> Compared {
        let (source, target) = (here.resolved(mine, self.ids), there.resolved(theirs, self.ids));
        let site = Site {
            from: &here.place().site,
            to: &there.place().site,
            mappings: self.pair.mappings,
            is_home: asset.origin.site == there.place().site,
        };
        let mut fields = differences(&mine.kind.schema().fragment, &source, &target, &site);
        if self.ids.remote(asset, there.place()) != Some(&theirs.remote) {
            fields.push(format!("it is not what the id map calls it at {}", there.place().site));
        }
        let mut contents = String::new();
        if mine.kind.has_content() {
            let of = |holding: &Holding<'_>, held: &Held| {
                let known = self.contents.get(&(holding.place().clone(), held.name(), held.remote.clone()));
                known.cloned().unwrap_or_else(|| Err("it was not read".to_owned()))
            };
            match (of(here, mine), of(there, theirs)) {
                (Ok(one), Ok(other)) if one == other => contents = one.to_string(),
                (Ok(_), Ok(_)) => fields.push("content".to_owned()),
                (Err(why), _) | (_, Err(why)) => fields.push(format!("content: {why}")),
            }
        }
        let line = format!("{asset} {} {source} {target} {contents}\n", theirs.remote);
        Compared { fields, line }
    }

    /// The bytes of one place that are not known yet, and how many of them were read.
    async fn contents_of(&self, holding: &Holding<'_>) -> Result<(Contents, usize), SyncError> {
        let place = holding.place().clone();
        let before = match self.pair.bytes {
            Bytes::All => HashMap::new(),
            Bytes::Unproven => self.marked(&place).await?,
        };
        let (mut contents, mut unread) = (Contents::new(), Vec::new());
        for held in holding.all().filter(|held| held.kind.has_content()) {
            let at = (place.clone(), held.name(), held.remote.clone());
            if self.contents.contains_key(&at) {
                continue;
            }
            let known = before.get(&(held.name(), held.remote.clone()));
            match known.filter(|(mark, _)| Some(mark) == held.mark.as_ref()) {
                Some((_, content)) => drop(contents.insert(at, Ok(*content))),
                None => unread.push((held.kind, at)),
            }
        }
        let (count, reader) = (unread.len(), holding.reader());
        let reads = unread.into_iter().map(|(kind, at): (&'static dyn AssetKind, _)| {
            let reader = &reader;
            async move {
                let bytes: Result<Option<Vec<u8>>, _> = kind.content(reader, &at.2).await;
                let digest = match bytes {
                    Ok(Some(bytes)) => Ok(Digest::of(&bytes)),
                    Ok(None) => Err("it was gone when it was read".to_owned()),
                    Err(error) => Err(error.to_string()),
                };
                (at, digest)
            }
        });
        let reads: Vec<_> = reads.collect();
        let read: Vec<_> = futures::stream::iter(reads).buffer_unordered(READS_AT_ONCE).collect().await;
        contents.extend(read);
        Ok((contents, count))
    }

    /// The bytes that the last snapshot of a place has, each with the mark at which it was read.
    async fn marked(
        &self,
        place: &Place,
    ) -> Result<HashMap<(KindName, RemoteId), (Mark, Digest)>, SyncError> {
        let mut marked = HashMap::new();
        let Some(snapshot) = self.store.latest_snapshot(place).await? else { return Ok(marked) };
        for (kind, manifest) in snapshot.manifests {
            for entry in self.store.manifest(manifest).await?.entries {
                if let (Some(content), false) = (entry.version.content, entry.mark.as_str().is_empty()) {
                    marked.insert((kind.clone(), entry.remote), (entry.mark, content));
                }
            }
        }
        Ok(marked)
    }
}

/// What a comparison of one pair came to.
struct Compared {
    fields: Vec<String>,
    line: String,
}

/// What an accepted verdict leaves out.
fn left_out(verdict: &Verdict) -> Accepted {
    let Verdict::Partial { fields } = verdict else { return Accepted::Whole };
    let named: Vec<String> = fields
        .iter()
        .map(|field| field.split_once(": ").map_or(field.as_str(), |(at, _)| at).to_owned())
        .collect();
    match named.iter().all(|at| at.starts_with('/') || at == "content" || is_posture(at)) {
        true => Accepted::Fields(named),
        false => Accepted::Whole,
    }
}

/// Whether a field of a verdict is a word of posture, which is not compared anyway: what a workspace has only so many of.
fn is_posture(at: &str) -> bool {
    kinds::KINDS.iter().any(|kind| kind.ration().is_some_and(|ration| ration.word == at))
}

/// Whether a difference lies in a field or below it.
fn is_within(field: &str, ignored: &str) -> bool {
    field
        .strip_prefix(ignored)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest.starts_with(": "))
}

/// A key for people where nothing better is known.
fn key_of(remote: &RemoteId) -> Key {
    Key::new(remote.as_str())
}
