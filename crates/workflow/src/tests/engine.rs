//! What the engine does beyond what the suites hold every runbook to.
