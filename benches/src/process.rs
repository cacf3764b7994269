//! What the operating system says of this process, on Linux. Elsewhere there is nothing to read, and no figure.

use std::fs::read_to_string;

/// Clock ticks in a second, in what the kernel shows to programs: the same on every architecture of ours.
const TICKS_A_SECOND: f64 = 100.0;

/// The most memory this process has had, in MiB.
pub fn peak_mb() -> Option<f64> {
    let status = read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// Seconds of processor time this process has taken, on all cores.
pub fn cpu_s() -> Option<f64> {
    let stat = read_to_string("/proc/self/stat").ok()?;
    // The program's name, in parentheses, may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Some(ticks.iter().sum::<f64>() / TICKS_A_SECOND)
}

/// The machine's one-minute load.
pub fn load1() -> Option<f64> {
    read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}
