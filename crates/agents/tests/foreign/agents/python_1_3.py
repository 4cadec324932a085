"""An agent on the Python SDK a2a-sdk 1.x: A2A 1.0 on both bindings, and 0.3 where it is compatible with it.

Each way to it has a card of its own, below `/jsonrpc`, `/polling`, `/rest`, `/rest-polling` and `/compat`.
"""

import asyncio

from a2a.helpers import (
    get_data_parts,
    get_text_parts,
    new_data_part,
    new_raw_part,
    new_task_from_user_message,
    new_text_part,
    new_url_part,
)
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Message, Role, TaskState
from starlette.applications import Starlette
from starlette.routing import Mount

from serving import listen, serve

FORM = {"type": "object", "properties": {"approve": {"type": "boolean"}}, "required": ["approve"]}

WAYS = {
    # path: binding, version, streaming
    "/jsonrpc": ("JSONRPC", "1.0", True),
    "/polling": ("JSONRPC", "1.0", False),
    "/rest": ("HTTP+JSON", "1.0", True),
    "/rest-polling": ("HTTP+JSON", "1.0", False),
    "/compat": ("JSONRPC", "0.3.0", True),
}


class Agent(AgentExecutor):
    async def execute(self, context, queue):
        message = context.message
        asked = (get_data_parts(message.parts) or [{}])[0]
        config = asked.get("config", {}) if isinstance(asked, dict) else {}
        if config.get("do") == "message":
            said = [new_data_part({"said": "no task was needed"})]
            await queue.enqueue_event(
                Message(message_id="reply", role=Role.ROLE_AGENT, context_id=context.context_id, parts=said)
            )
            return
        updater = TaskUpdater(queue, context.task_id, context.context_id)
        if context.current_task:
            told = {"told": get_text_parts(message.parts), "data": get_data_parts(message.parts)}
            await updater.add_artifact([new_data_part(told)])
            await updater.complete()
            return
        await queue.enqueue_event(new_task_from_user_message(message))
        await getattr(self, config.get("do", "echo"))(updater, config)

    async def cancel(self, context, queue):
        await TaskUpdater(queue, context.task_id, context.context_id).cancel()

    async def echo(self, updater, config):
        await updater.add_artifact([new_data_part({"echo": config})])
        await updater.complete()

    async def chunks(self, updater, config):
        words = ["one", "two", "three"]
        for number, word in enumerate(words):
            await updater.start_work(says(updater, f"writing {word}"))
            last = number == len(words) - 1
            await updater.add_artifact(
                [new_text_part(word)], artifact_id="story", append=number > 0, last_chunk=last
            )
        await updater.complete()

    async def parts(self, updater, config):
        parts = [
            new_text_part("see attachments", media_type="text/plain"),
            new_data_part({"rows": [{"n": 1}, {"n": 2}]}, media_type="application/json"),
            new_raw_part(b"hello,world\n", media_type="text/csv", filename="out.csv"),
            new_url_part("https://example.com/report.pdf", media_type="application/pdf", filename="report.pdf"),
        ]
        await updater.add_artifact(parts)
        await updater.complete()

    async def ask(self, updater, config):
        parts = [new_text_part("Approve the payment of 12 EUR?"), new_data_part(FORM)]
        await updater.requires_input(updater.new_agent_message(parts))

    async def auth(self, updater, config):
        await updater.requires_auth(says(updater, "Sign in first."))

    async def fail(self, updater, config):
        await updater.failed(says(updater, "out of paper"))

    async def reject(self, updater, config):
        await updater.reject(says(updater, "not my trade"))

    async def slow(self, updater, config):
        await updater.start_work(says(updater, "this takes a while"))
        await asyncio.Event().wait()

    async def crash(self, updater, config):
        await updater.start_work()
        raise RuntimeError("crashed in the middle")

    async def usage(self, updater, config):
        """Puts the metadata where the config says: on the reports of the work, on the artifact, on the last report."""
        for metadata in config.get("working", []):
            await updater.update_status(TaskState.TASK_STATE_WORKING, metadata=metadata)
        await updater.add_artifact([new_data_part({"done": True})], metadata=config.get("artifact"))
        await updater.update_status(TaskState.TASK_STATE_COMPLETED, metadata=config.get("completed"))


def says(updater, text):
    return updater.new_agent_message([new_text_part(text)])


def routes(base, path, binding, version, streaming):
    card = AgentCard(
        name=f"Python SDK 1.x at {path}",
        description="Does what it is told",
        version="1",
        capabilities=AgentCapabilities(streaming=streaming),
        supported_interfaces=[
            AgentInterface(url=base + path, protocol_binding=binding, protocol_version=version)
        ],
        default_input_modes=["application/json", "text/plain"],
        default_output_modes=["application/json", "text/plain"],
        skills=[AgentSkill(id="do", name="Do", description="What the data says", tags=["test"])],
    )
    handler = DefaultRequestHandler(Agent(), InMemoryTaskStore(), card)
    if binding == "JSONRPC":
        way = create_jsonrpc_routes(handler, path, enable_v0_3_compat=version != "1.0")
    else:
        # A prefix in its place would have these routes take all paths, as if their first name were a tenant.
        way = [Mount(path, routes=create_rest_routes(handler))]
    return create_agent_card_routes(card, card_url=f"{path}/.well-known/agent-card.json") + way


if __name__ == "__main__":
    listener, base = listen()
    ways = [route for path, way in WAYS.items() for route in routes(base, path, *way)]
    serve(Starlette(routes=ways), listener, base)
