"""An agent on the Python SDK a2a-sdk 0.3: A2A 0.3 over JSON-RPC, below `/streaming` and `/polling`."""

import asyncio
import base64

from a2a.server.agent_execution import AgentExecutor
from a2a.server.apps import A2AStarletteApplication
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    DataPart,
    FilePart,
    FileWithBytes,
    FileWithUri,
    Message,
    Part,
    Role,
    TaskState,
    TextPart,
)
from a2a.utils import get_data_parts, get_text_parts, new_task
from starlette.applications import Starlette

from serving import listen, serve

FORM = {"type": "object", "properties": {"approve": {"type": "boolean"}}, "required": ["approve"]}


class Agent(AgentExecutor):
    async def execute(self, context, queue):
        message = context.message
        asked = (get_data_parts(message.parts) or [{}])[0]
        config = asked.get("config", {})
        if config.get("do") == "message":
            said = [data({"said": "no task was needed"})]
            await queue.enqueue_event(Message(message_id="reply", role=Role.agent, parts=said))
            return
        updater = TaskUpdater(queue, context.task_id, context.context_id)
        if context.current_task:
            told = {"told": get_text_parts(message.parts), "data": get_data_parts(message.parts)}
            await updater.add_artifact([data(told)])
            await updater.complete()
            return
        await queue.enqueue_event(new_task(message))
        await getattr(self, config.get("do", "echo"))(updater, config)

    async def cancel(self, context, queue):
        await TaskUpdater(queue, context.task_id, context.context_id).cancel()

    async def echo(self, updater, config):
        await updater.add_artifact([data({"echo": config})])
        await updater.complete()

    async def chunks(self, updater, config):
        words = ["one", "two", "three"]
        for number, word in enumerate(words):
            await updater.start_work(says(updater, f"writing {word}"))
            last = number == len(words) - 1
            await updater.add_artifact([text(word)], artifact_id="story", append=number > 0, last_chunk=last)
        await updater.complete()

    async def parts(self, updater, config):
        content = base64.b64encode(b"hello,world\n").decode()
        inline = FileWithBytes(bytes=content, mime_type="text/csv", name="out.csv")
        linked = FileWithUri(
            uri="https://example.com/report.pdf", mime_type="application/pdf", name="report.pdf"
        )
        files = [Part(root=FilePart(file=file)) for file in (inline, linked)]
        await updater.add_artifact([text("see attachments"), data({"rows": [{"n": 1}, {"n": 2}]}), *files])
        await updater.complete()

    async def ask(self, updater, config):
        parts = [text("Approve the payment of 12 EUR?"), data(FORM)]
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
            await updater.update_status(TaskState.working, metadata=metadata)
        await updater.add_artifact([data({"done": True})], metadata=config.get("artifact"))
        await updater.update_status(TaskState.completed, final=True, metadata=config.get("completed"))


def text(value):
    return Part(root=TextPart(text=value))


def data(value):
    return Part(root=DataPart(data=value))


def says(updater, words):
    return updater.new_agent_message([text(words)])


def routes(base, path, streaming):
    card = AgentCard(
        name=f"Python SDK 0.3 at {path}",
        description="Does what it is told",
        version="1",
        url=base + path,
        capabilities=AgentCapabilities(streaming=streaming),
        default_input_modes=["application/json", "text/plain"],
        default_output_modes=["application/json", "text/plain"],
        skills=[],
    )
    handler = DefaultRequestHandler(Agent(), InMemoryTaskStore())
    app = A2AStarletteApplication(card, handler)
    return app.routes(agent_card_url=f"{path}/.well-known/agent-card.json", rpc_url=path)


if __name__ == "__main__":
    listener, base = listen()
    ways = routes(base, "/streaming", True) + routes(base, "/polling", False)
    serve(Starlette(routes=ways), listener, base)
