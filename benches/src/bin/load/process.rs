//! Processes that are measured: started, read in `/proc` (proc(5)), killed.

use std::{
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{self, Stdio},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::error::{LoadError, Result, While as _};

/// Ticks of the times in `/proc/<pid>/stat`: Linux shows programs 100 in a second, whatever its own clock does.
const TICKS_PER_SECOND: u64 = 100;

/// How long a process may take to say where it listens.
const START_WITHIN: Duration = Duration::from_secs(120);

/// A server in a process of its own, which is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) pid: u32,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts a program that says where it listens at the end of its first line. What it logs goes to a file.
    ///
    /// # Errors
    /// When it cannot be started, or ends before it listens.
    pub(crate) async fn start(program: &Path, arguments: &[OsString], log: &Path) -> Result<Self> {
        let log_file = fs::File::create(log).during("create a log file")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .kill_on_drop(true)
            .spawn()
            .during(&format!("start {}", program.display()))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            timeout(START_WITHIN, BufReader::new(output).read_line(&mut line))
                .await
                .during("wait for a process to listen")?
                .during("read what a process prints")?;
        }
        let address = line
            .trim()
            .rsplit(['/', ' '])
            .next()
            .and_then(|word| word.parse().ok());
        match (child.id(), address) {
            (Some(pid), Some(address)) => Ok(Self { child, pid, address }),
            _ => {
                let said = fs::read_to_string(log).unwrap_or_default();
                let doing = format!("start {}: it said {line:?} and {said}", program.display());
                Err(LoadError::new(doing))
            }
        }
    }

    /// Kills the process with SIGKILL, and waits for its end.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await.during("kill a process")
    }

    /// CPU time that it has used, in user mode and in the system.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        cpu_time(self.pid)
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn memory(&self) -> Result<u64> {
        status_bytes(self.pid, "VmRSS:")
    }

    /// The most resident memory that it ever had, in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        status_bytes(self.pid, "VmHWM:")
    }
}

/// CPU time that this process has used.
///
/// # Errors
/// When `/proc` cannot be read.
pub(crate) fn own_cpu_time() -> Result<Duration> {
    cpu_time(process::id())
}

fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = read(pid, "stat")?;
    // The name in parentheses may hold anything; utime and stime are the 12th and 13th fields after it.
    let mut fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11);
    let mut ticks = || fields.next().and_then(|field| field.parse::<u64>().ok());
    match (ticks(), ticks()) {
        (Some(user), Some(system)) => Ok(Duration::from_millis(
            (user + system).saturating_mul(1_000 / TICKS_PER_SECOND),
        )),
        _ => Err(LoadError::new(format!("read the CPU time of process {pid}"))),
    }
}

fn status_bytes(pid: u32, name: &str) -> Result<u64> {
    let status = read(pid, "status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes
        .and_then(|number| number.checked_mul(1_024))
        .ok_or_else(|| LoadError::new(format!("read {name} of process {pid}")))
}

fn read(pid: u32, file: &str) -> Result<String> {
    let path: PathBuf = ["/proc", &pid.to_string(), file].iter().collect();
    fs::read_to_string(&path).during(&format!("read {}", path.display()))
}

/// Nanoseconds of the clock that all processes of the machine share and nobody sets.
pub(crate) fn monotonic_nanos() -> i128 {
    let now = clock_gettime(ClockId::Monotonic);
    i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)
}
