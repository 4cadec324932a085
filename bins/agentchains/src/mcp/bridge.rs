//! Standard input and output on one side, the `/mcp` of a server on the other: messages pass as they are.

use std::io;

use rmcp::{
    RoleClient, RoleServer,
    model::{ClientJsonRpcMessage, ErrorData, ServerJsonRpcMessage},
    transport::{
        IntoTransport, Transport,
        io::stdio,
        streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpClientWorker},
    },
};
use tokio::sync::mpsc;

use super::way::Way;
use crate::{exit::CommandError, remote::Client};

/// Messages of the client that are on their way to the server, before the client has to wait.
const QUEUE: usize = 64;

/// Passes messages on until the client closes its end.
pub(super) async fn bridge(client: Client) -> Result<(), CommandError> {
    let address = client.below(&["mcp"]);
    let config = StreamableHttpClientTransportConfig::with_uri(address.as_str());
    let worker = StreamableHttpClientWorker::new(Way::new(client, address), config);
    let mut server = IntoTransport::<RoleClient, _, _>::into_transport(worker);
    let mut client = IntoTransport::<RoleServer, io::Error, _>::into_transport(stdio());
    // What the server did not take is answered for it, so that the client does not wait for ever.
    let (refuse, mut refused) = mpsc::channel::<ServerJsonRpcMessage>(QUEUE);
    loop {
        tokio::select! {
            asked = client.receive() => {
                let Some(message) = asked else { break };
                let id = match &message {
                    ClientJsonRpcMessage::Request(request) => Some(request.id.clone()),
                    _ => None,
                };
                let (sent, refuse) = (server.send(message), refuse.clone());
                tokio::spawn(async move {
                    if let (Err(error), Some(id)) = (sent.await, id) {
                        let told = ErrorData::internal_error(error.to_string(), None);
                        // Fails only when the client is gone.
                        let _ = refuse.send(ServerJsonRpcMessage::error(told, Some(id))).await;
                    }
                });
            }
            answer = server.receive() => {
                let message = answer.ok_or(CommandError::McpServer)?;
                client.send(message).await.map_err(CommandError::Mcp)?;
            }
            Some(message) = refused.recv() => client.send(message).await.map_err(CommandError::Mcp)?,
        }
    }
    // A session that cannot be ended ends by itself.
    let _ = server.close().await;
    Ok(())
}
