//! PostgreSQL for tests: a server of this process's own, with an empty database for each test.
//!
//! The server lives in a temporary directory, is reached over a socket there, and writes to disk without waiting. It
//! ends with the process, however that ends: a shell watches over it that waits for the end of its standard input.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read},
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Where Debian keeps the programs of each version, out of the search path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Who runs the server where the tests are run by root, which it refuses.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// Makes a server in the directory that it is given, and removes both at the end of its standard input.
const SCRIPT: &str = r#"
trap 'rm -rf "$1"' EXIT
{
    initdb --pgdata "$1/data" --username postgres --auth trust --encoding UTF8 --no-locale --no-sync &&
    pg_ctl --pgdata "$1/data" --log "$1/log" --wait \
        --options "-k '$1' -c listen_addresses= -c fsync=off -c max_connections=200" start
} > "$1/output" 2>&1 || { cat "$1/output"; exit 1; }
echo started
read -r _
pg_ctl --pgdata "$1/data" --mode immediate stop > "$1/output" 2>&1
"#;

/// An empty database on a PostgreSQL server.
#[derive(Debug)]
pub struct PostgresDatabase {
    directory: &'static Path,
    name: String,
}

/// A running server.
#[derive(Debug)]
struct Server {
    directory: PathBuf,
    /// The shell reads it to its end, which comes with the end of this process.
    _stdin: ChildStdin,
}

impl PostgresDatabase {
    /// Makes a database; none where PostgreSQL is not installed, which is said on standard error.
    ///
    /// # Errors
    /// What the server answers or why it cannot be started. In continuous integration, where the variable `CI` is set,
    /// also that it is not installed.
    pub fn create() -> io::Result<Option<Self>> {
        static SERVER: OnceLock<Result<Option<Server>, String>> = OnceLock::new();
        static COUNT: AtomicU32 = AtomicU32::new(1);

        let server = SERVER.get_or_init(|| Server::start().map_err(|error| error.to_string()));
        let Some(server) = server
            .as_ref()
            .map_err(|error| io::Error::other(error.as_str()))?
        else {
            return not_installed().map(|()| None);
        };
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        query(&server.directory, "postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(Some(Self {
            directory: &server.directory,
            name,
        }))
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        let Self { directory, name } = self;
        format!(
            "postgres://postgres@localhost/{name}?host={}",
            directory.display()
        )
    }

    /// Runs SQL on a connection of its own, and gives the rows: a line each, with `|` between columns.
    ///
    /// # Errors
    /// What the server answers.
    pub fn query(&self, sql: &str) -> io::Result<Vec<String>> {
        query(self.directory, &self.name, sql)
    }
}

impl Server {
    fn start() -> io::Result<Option<Self>> {
        let Some(programs) = programs() else {
            return Ok(None);
        };
        let directory = tempfile::Builder::new().prefix("agentchains-pg-").tempdir()?;
        let mut shell = Command::new("sh");
        if directory.path().metadata()?.uid() == 0 {
            let (user, group) = user()?;
            chown(directory.path(), Some(user), Some(group))?;
            shell.uid(user).gid(group);
        }
        // The shell removes it.
        let directory = directory.keep();
        let mut shell = shell
            .args(["-c", SCRIPT, "sh"])
            .arg(&directory)
            .env("PATH", programs)
            .current_dir(&directory)
            // Whoever ends the tests by a signal to their group must not end the shell before it has cleared up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (stdin, stdout) = shell
            .stdin
            .take()
            .zip(shell.stdout.take())
            .ok_or(io::ErrorKind::BrokenPipe)?;
        let mut output = BufReader::new(stdout);
        let mut told = String::new();
        output.read_line(&mut told)?;
        if told.trim_end() != "started" {
            output.read_to_string(&mut told)?;
            return Err(io::Error::other(format!("PostgreSQL cannot be started: {told}")));
        }
        Ok(Some(Self {
            directory,
            _stdin: stdin,
        }))
    }
}

/// The search path on which the programs are found, where they are installed.
fn programs() -> Option<std::ffi::OsString> {
    let on_path = env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = env::split_paths(&on_path).collect();
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    directories.extend(versions.map(|version| version.path().join("bin")));
    let installed = ["initdb", "pg_ctl", "psql"]
        .iter()
        .all(|name| directories.iter().any(|directory| directory.join(name).is_file()));
    installed.then(|| env::join_paths(directories).ok()).flatten()
}

/// The numbers of the user and the group that are to run the server in the place of root.
fn user() -> io::Result<(u32, u32)> {
    let table = fs::read_to_string("/etc/passwd")?;
    let numbers = |wanted: &&str| {
        let mut fields = table.lines().map(|line| line.split(':'));
        let mut fields = fields
            .find(|fields| fields.clone().next() == Some(*wanted))?
            .skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = USERS.iter().find_map(numbers);
    found.ok_or_else(|| io::Error::other("PostgreSQL is not run by root, and there is no other user"))
}

fn query(directory: &Path, database: &str, sql: &str) -> io::Result<Vec<String>> {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
        .args(["--set", "ON_ERROR_STOP=1", "--username", "postgres"])
        .args(["--dbname", database, "--command", sql])
        .arg("--host")
        .arg(directory)
        .env("PATH", programs().unwrap_or_default())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().map(str::to_owned).collect())
}

/// Says so; an error in continuous integration, where nothing may be skipped.
#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests is told what was skipped"
)]
fn not_installed() -> io::Result<()> {
    let reason = "PostgreSQL is not installed (initdb, pg_ctl, psql)";
    if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        return Err(io::Error::other(reason));
    }
    eprintln!("skipped: {reason}");
    Ok(())
}
