//! Every operation of the SDK on the kinds that stand.

use crate::clients::binary::Simulation;
use crate::clients::python;

#[test]
fn the_official_sdk_does_every_operation_against_the_simulation() {
    let simulation = Simulation::serve();
    python::run("operations.py", &[&simulation.account]);
}
