//! The conformance suite on every backend.

mod maps {
    agentchains_testkit::store_conformance!(crate::backends::Maps::new());
    agentchains_testkit::store_reopening!(crate::backends::Maps::new());
}

mod sqlite_in_memory {
    agentchains_testkit::store_conformance!(crate::backends::SqliteInMemory);
}

mod sqlite_file {
    agentchains_testkit::store_conformance!(crate::plans::Explained::new());
    agentchains_testkit::store_reopening!(crate::backends::SqliteFile::new());
}

#[cfg(unix)]
mod postgres {
    agentchains_testkit::store_conformance!(match crate::backends::Postgres::new() {
        Some(backend) => backend,
        None => return Ok(()),
    });
    agentchains_testkit::store_reopening!(match crate::backends::Postgres::new() {
        Some(backend) => backend,
        None => return Ok(()),
    });
}
