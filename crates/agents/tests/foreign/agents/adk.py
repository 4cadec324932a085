"""An agent on Google's Agent Development Kit, whose model is a stub: A2A as `to_a2a` serves it.

The model calls a tool when it is asked to `look it up`, and answers with the text of the request otherwise. Each of
its calls says how many tokens it took.
"""

from google.adk.a2a.utils.agent_to_a2a import to_a2a
from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmResponse
from google.adk.tools import LongRunningFunctionTool
from google.genai import types

from serving import listen, serve


class Stub(BaseLlm):
    async def generate_content_async(self, llm_request, stream=False):
        last = llm_request.contents[-1].parts
        words = " ".join(part.text for part in last if part.text)
        found = next((part.function_response for part in last if part.function_response), None)
        if found:
            yield reply(types.Part(text=f"{found.name}: {found.response}"), 2000, 20)
        elif "break" in words:
            raise RuntimeError("the model is out of order")
        elif "look it up" in words:
            yield reply(types.Part.from_function_call(name="look_up", args={}), 1000, 10)
        elif "pay" in words:
            yield reply(types.Part.from_function_call(name="ask_for_approval", args={"sum": 12}), 1000, 10)
        else:
            yield reply(types.Part(text=f"You said: {words}"), 1000, 10)


def reply(part, prompt, candidates):
    return LlmResponse(
        content=types.Content(role="model", parts=[part]),
        usage_metadata=types.GenerateContentResponseUsageMetadata(
            prompt_token_count=prompt,
            candidates_token_count=candidates,
            total_token_count=prompt + candidates,
        ),
    )


def look_up() -> dict:
    """Knows the answer."""
    return {"answer": 42}


def ask_for_approval(sum: int) -> dict:
    """Asks a person."""
    return {"status": "pending", "sum": sum}


if __name__ == "__main__":
    agent = LlmAgent(
        name="stub",
        model=Stub(model="stub"),
        description="Repeats what it is told",
        tools=[look_up, LongRunningFunctionTool(ask_for_approval)],
    )
    listener, base = listen()
    host, port = base.removeprefix("http://").split(":")
    serve(to_a2a(agent, host=host, port=int(port)), listener, base)
