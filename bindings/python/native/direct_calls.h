/* What is done for each message and each small execution, as functions of Python itself. A call by cffi takes its
   arguments out of a tuple and makes of each what C wants: for a message that is sent by itself some 1,400 of 31,000
   instructions. And it lets go of the interpreter's lock, which a call that makes objects of Python needs. cffi reads
   this file too. */

#ifndef RMPY_DIRECT_CALLS_H
#define RMPY_DIRECT_CALLS_H

#include <stdint.h>

/* Adds the functions to the dict at an address, `id()` in Python:

   send(address, packets, most_outputs) -> int: `rmpy_send` with the call buffers at an address, and packets as bytes.

   submit(address, pipeline, port, inputs, timeout_us, whom) -> int: `rmpy_submit`, with the addresses of all three and
   inputs as bytes. `whom` tells those apart who wait for runs, 0 where others wait besides.

   These two work on this thread within the budget of the call, unless others have waited for its event loop long
   enough; see `loop_time.h`.

   receive(address, sink, most_outputs) -> int: `rmpy_receive`.

   next(address, port, timeout_us) -> int: `rmpy_next`. It waits only if nothing is there, and then without the lock.

   reply(address, port, id, reply, wants_next) -> int: `rmpy_reply`, with the reply as bytes.

   All let go of the interpreter's lock, unless the document is short and the last calls with these buffers took less
   than another thread needs to wake up. Nothing in the library waits for the lock, so one that waits for the library
   may hold it.

   audio_from_pcm(address, pcm, format, rate, channels) -> int: `rmpy_audio_from_pcm` with bytes and the name of a
   format as bytes. It keeps the lock: for short PCM.

   begin(address, waiting): prepares a call of another function of the library with call buffers: lets go of what the
   last one has left, and moves the handles that wait to be freed, as many as fit, from a deque to where the call frees
   them.

   make_packets(rows, type, names): replaces each row of a list, a list of 7 fields, by a tuple of this type, a subclass
   of tuple, and in it the number of an output by its name, from a tuple.

   Returns 0, or -1 if there is no memory. */
int rmpy_add_direct_calls(uintptr_t dict);

#endif
