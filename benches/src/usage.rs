//! What this process has used so far, as Linux counts it.

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// How many ticks a second has in `/proc`: a constant of Linux's interface, whatever the kernel's own.
const TICKS: f64 = 100.0;

/// Memory and processor time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// The most memory that was resident at any time, in megabytes of 10⁶ bytes.
    pub(crate) peak_mb: f64,
    /// Processor seconds of all threads, in user and kernel mode.
    pub(crate) cpu_seconds: f64,
}

impl Usage {
    /// Of this process until now.
    ///
    /// # Errors
    /// Where there is no `/proc`.
    pub(crate) fn so_far() -> anyhow::Result<Self> {
        let read =
            |path| std::fs::read_to_string(path).with_context(|| format!("reading {path}: Linux is needed"));
        let (status, stat) = (read("/proc/self/status")?, read("/proc/self/stat")?);
        let usage = peak_mb(&status).zip(cpu_seconds(&stat));
        let (peak_mb, cpu_seconds) = usage.context("/proc/self looks unlike Linux's")?;
        Ok(Self { peak_mb, cpu_seconds })
    }
}

fn peak_mb(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024.0 / 1e6)
}

/// Fields 14 and 15, counted from behind the name, which may have spaces.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, kernel): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + kernel) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_whose_name_has_spaces_and_brackets_is_read_all_the_same() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 4 0 100 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(peak_mb("VmPeak:\t9 kB\nVmHWM:\t  1000 kB\n"), Some(1.024));
    }
}
