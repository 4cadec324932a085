"""A client on the Python SDK a2a-sdk 0.3, on both bindings.

Takes the address of an agent that asks for a decision, and prints one line of JSON for each way to it.
"""

import asyncio
import json
import sys

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import DataPart, Message, Part, Role, TaskIdParams, TaskQueryParams, TextPart, TransportProtocol


def text(words):
    return [Part(root=TextPart(text=words))]


def data(value):
    return [Part(root=DataPart(data=value))]


def output(task):
    return task.artifacts[0].parts[0].root.data


class Way:
    def __init__(self, http, card, binding):
        self.http, self.card, self.binding = http, card, binding

    def client(self, streaming):
        """A client that knows no other way."""
        config = ClientConfig(
            streaming=streaming,
            httpx_client=self.http,
            supported_transports=[self.binding],
            use_client_preference=True,
        )
        return ClientFactory(config).create(self.card)

    async def send(self, name, parts, task=None, streaming=False):
        """The task and its update of each event."""
        ids = {"task_id": task.id, "context_id": task.context_id} if task else {}
        message_id = f"python-0-{self.binding.value}-{name}"
        message = Message(message_id=message_id, role=Role.user, parts=parts, **ids)
        return [event async for event in self.client(streaming).send_message(message)]

    async def tell(self):
        go = data({"topic": "tea", "n": 3})
        [(asked, _)] = await self.send("ask", go)
        [(answered, _)] = await self.send("answer", text("approve"), task=asked)
        events = await self.send("stream", go, streaming=True)
        streamed = events[-1][0]
        more = await self.send("stream-answer", data({"decision": "approve"}), task=streamed, streaming=True)
        [(cancelled, _)] = await self.send("cancel", go)
        client = self.client(streaming=False)
        finished = await client.get_task(TaskQueryParams(id=streamed.id))
        cancelled = await client.cancel_task(TaskIdParams(id=cancelled.id))
        try:
            await client.get_task(TaskQueryParams(id="nobody's"))
            unknown = None
        except Exception as error:
            unknown = str(error)
        return {
            "way": f"{self.binding.value} 0.3",
            "asked": [asked.status.state.value, asked.status.message.parts[0].root.text],
            "answered": [answered.status.state.value, output(answered), answered.id == asked.id],
            "streamed": [more[-1][0].status.state.value, output(finished)],
            "cancelled": cancelled.status.state.value,
            "listed": None,
            "unknown": unknown,
        }


async def main(address):
    async with httpx.AsyncClient(timeout=30) as http:
        card = await A2ACardResolver(http, address).get_agent_card()
        for binding in [TransportProtocol.jsonrpc, TransportProtocol.http_json]:
            print(json.dumps(await Way(http, card, binding).tell()), flush=True)


asyncio.run(main(sys.argv[1]))
