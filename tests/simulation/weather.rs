//! Bad days at the service, by chance: refusals, lost answers, stale and slow reads, login pages, regions that go down.
//!
//! Within what the service promises: a list is stale for no longer than a kind's window of consistency, no request takes
//! effect later than the longest deadline after it was sent, and what is refused with a 4xx has not happened.

use serde_json::Value;
use twinlake_base::Entropy;
use twinlake_simulator::{Appearance, Fault, FaultAct, Outage, Staleness};
use twinlake_tests::Fleet;

/// Adds one fault, or takes a region down or up. Returns it in words, for a trace.
pub(super) fn change(fleet: &Fleet, chance: &Entropy) -> String {
    let region = ["us-east-1", "us-west-2"][below(chance, 2)];
    match chance.below(10) {
        0 => {
            let outage = outage(chance);
            fleet.simulator.region_down(region, outage).expect("a region");
            format!("weather: {region} is down: {outage:?}")
        }
        1 | 2 => {
            fleet.simulator.region_up("us-east-1").expect("a region");
            fleet.simulator.region_up("us-west-2").expect("a region");
            "weather: both regions are up".to_owned()
        }
        3 => {
            fleet.simulator.clear_faults();
            "weather: no faults".to_owned()
        }
        _ => {
            let fault = fault(chance);
            let words = format!("weather: {fault:?}");
            fleet.simulator.add_fault(fault);
            words
        }
    }
}

/// Ends all of it.
pub(super) fn clear(fleet: &Fleet) {
    fleet.simulator.clear_faults();
    fleet.simulator.region_up("us-east-1").expect("a region");
    fleet.simulator.region_up("us-west-2").expect("a region");
}

fn outage(chance: &Entropy) -> Outage {
    match chance.below(7) {
        0 => Outage::dark(),
        1 => Outage::cut_off(Appearance::Refused),
        2 => Outage::cut_off(Appearance::BlackHole),
        3 => Outage::cut_off(Appearance::Unavailable { after_ms: 5_000 }),
        4 => Outage::cut_off(Appearance::ReadsOnly),
        5 => Outage::cut_off(Appearance::LoginPage),
        _ => Outage::cut_off(Appearance::HalfTheApis),
    }
}

fn fault(chance: &Entropy) -> Fault {
    let number = chance.below(11);
    let is_refusal = matches!(number, 0 | 1 | 4);
    let fault = match number {
        0 => throttled(chance.below(3)),
        1 => throttled(0),
        2 => Fault::error(503, "TEMPORARILY_UNAVAILABLE", "later"),
        3 => Fault::error(500, "INTERNAL_ERROR", "a surprise"),
        4 => Fault::error(400, "INVALID_PARAMETER_VALUE", "an invention"),
        5 | 6 => Fault::new(FaultAct::Cut),
        7 => Fault::new(FaultAct::LoginPage),
        8 => Fault::new(FaultAct::Stale(Staleness::UntilQuietSeconds(1 + chance.below(4)))),
        9 => Fault::new(FaultAct::Slow { milliseconds: chance.below(25_000) }),
        _ => Fault::new(FaultAct::BlackHole),
    };
    let fault = fault.at(["east", "west"][below(chance, 2)]);
    let fault = match chance.below(4) {
        0 => fault.method("read"),
        1 | 2 => fault.method("write"),
        _ => fault,
    };
    let fault = match chance.below(3) {
        0 => fault.path("/api/2.2/jobs/**"),
        1 => fault.path("/api/2.0/workspace/**"),
        _ => fault,
    };
    let fault = fault.after(chance.below(40)).times(1 + chance.below(6));
    if chance.below(2) == 0 && !is_refusal { fault.after_effect() } else { fault }
}

fn throttled(retry_after: u64) -> Fault {
    let mut fault = Fault::error(429, "REQUEST_LIMIT_EXCEEDED", "slow down");
    if let (FaultAct::Answer { headers, .. }, true) = (&mut fault.act, retry_after > 0) {
        headers.insert("retry-after".to_owned(), retry_after.to_string());
    }
    if let FaultAct::Answer { body, .. } = &mut fault.act
        && retry_after == 2
    {
        *body = Value::String("too many".to_owned());
    }
    fault
}

fn below(chance: &Entropy, bound: u64) -> usize {
    usize::try_from(chance.below(bound)).unwrap_or(0)
}
