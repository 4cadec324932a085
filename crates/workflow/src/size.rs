//! How long a JSON value is when it is written.

use std::io;

use serde_json::Value;

/// The length of a value as compact JSON; `None` when that is more than `most`.
pub(crate) fn size(value: &Value, most: usize) -> Option<usize> {
    struct Counter {
        left: usize,
    }

    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.left = self
                .left
                .checked_sub(bytes.len())
                .ok_or(io::ErrorKind::FileTooLarge)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut counter = Counter { left: most };
    serde_json::to_writer(&mut counter, value).ok()?;
    Some(most - counter.left)
}
