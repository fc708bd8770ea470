"""The benchmarks' model server, asked as openaivec asks it."""

from __future__ import annotations

import base64
import io

import openai
from PIL import Image

from benchmarks.harness.responses_server import ResponsesServer


def test_the_responses_api_describes_an_image():
    """A question about an image through the Responses API has the text of the same question as a chat, and is counted."""
    stream = io.BytesIO()
    Image.new("RGB", (80, 60), "red").save(stream, "JPEG")
    url = "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
    with ResponsesServer() as server:
        client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
        parts = [{"type": "input_text", "text": "Describe this image."}, {"type": "input_image", "image_url": url}]
        found = client.responses.create(
            model="test-vision", instructions="Be brief.", input=[{"role": "user", "content": parts}], max_output_tokens=500
        )
        assert "80 x 60" in found.output_text
        assert server.stats()["by_route"] == {"/v1/responses": 1}
