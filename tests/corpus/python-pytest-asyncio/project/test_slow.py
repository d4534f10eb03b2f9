import asyncio

import pytest


@pytest.mark.asyncio
async def test_slow():
    await asyncio.sleep(0)
