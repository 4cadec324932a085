//! The real binary, driven from outside: over HTTP, over WebSocket, by signals and by its command line.

mod bad_input;
mod client;
mod command_line;
mod crash;
mod guide;
mod server;
