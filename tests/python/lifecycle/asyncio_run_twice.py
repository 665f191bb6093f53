"""Two event loops after each other."""

import asyncio

from work import a_bit_of_everything

asyncio.run(a_bit_of_everything())
asyncio.run(a_bit_of_everything())
