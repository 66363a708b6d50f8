//! The state goes where it survives: encrypted to every site and the witness, after every cycle and every run (P5, P16).

use serde::Serialize;
use twinlake_vault::{Arrival, Shipment, Vault};

use crate::places::{self, Places};
use crate::{ControllerError, House};

/// What became of the state on its way to one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shipped {
    /// The site's name, or `witness`.
    pub place: String,
    /// Whether the present state is there.
    pub is_there: bool,
    /// How many bytes were sent; 0 where it was there already.
    pub size_bytes: u64,
    /// Why it is not there, and what was noticed on the way.
    pub remarks: Vec<String>,
}

/// Ships the state to every place that the config names. Nothing is shipped without a key. What fails is told: what was
/// done before stands all the same.
pub(crate) async fn ship(house: &House) -> Vec<Shipped> {
    match ship_all(house).await {
        Ok(shipped) => shipped,
        Err(error) => vec![Shipped {
            place: "any place".to_owned(),
            is_there: false,
            size_bytes: 0,
            remarks: vec![error.to_string()],
        }],
    }
}

async fn ship_all(house: &House) -> Result<Vec<Shipped>, ControllerError> {
    let Some(key) = places::key(house)? else { return Ok(Vec::new()) };
    let (locations, closed) = Places::of(house).all();
    let vault = Vault::new(key, house.setup.clock.clone(), &house.setup.actor);
    let shipments = vault.ship(&house.store, &locations).await.map_err(places::vault_error)?;
    let closed = closed.into_iter().map(|(location, error)| Shipment {
        location,
        arrival: Arrival::Failed(error),
        findings: Vec::new(),
    });
    Ok(shipments.into_iter().chain(closed).map(told).collect())
}

fn told(shipment: Shipment) -> Shipped {
    let mut remarks: Vec<String> = shipment.findings.iter().map(ToString::to_string).collect();
    let (is_there, size_bytes) = match shipment.arrival {
        Arrival::Shipped { size_bytes, .. } => (true, size_bytes),
        Arrival::Unchanged { .. } => (true, 0),
        Arrival::Failed(error) => {
            remarks.insert(0, error.to_string());
            (false, 0)
        }
    };
    Shipped { place: shipment.location, is_there, size_bytes, remarks }
}

impl Shipped {
    /// What the operator should know of it. None: all is well.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        match (self.is_there, self.remarks.as_slice()) {
            (true, []) => None,
            (true, remarks) => Some(format!("the state at {}: {}", self.place, remarks.join("; "))),
            (false, remarks) => Some(format!("the state is not at {}: {}", self.place, remarks.join("; "))),
        }
    }
}
