//! The memory of another process, as Linux tells it (proc(5)).

/// The memory of a process from a moment on.
pub(crate) struct Memory {
    process: u32,
    /// In KiB.
    before: u64,
}

impl Memory {
    /// Forgets the peak so far.
    pub(crate) fn watch(process: u32) -> Self {
        std::fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
        Self {
            process,
            before: peak(process),
        }
    }

    /// By how much it was larger at most since then, in MiB.
    pub(crate) fn growth(&self) -> u64 {
        peak(self.process).saturating_sub(self.before) / 1024
    }
}

/// The most that was resident, in KiB.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
