/* What a session does for each message, as functions of Python itself. A call by cffi takes its arguments out of a
   tuple and lets go of the interpreter's lock: for one that is made for each message that is a fortieth of all
   instructions, and for one that only makes objects of Python it would be wrong. cffi reads this file too. */

#ifndef RMPY_SESSION_CALLS_H
#define RMPY_SESSION_CALLS_H

#include <stdint.h>

/* Adds the functions to the dict at an address, `id()` in Python:

   send(address, packets, most_outputs) -> int: `rmpy_send` with the call buffers at an address, and packets as bytes.
   It lets go of the interpreter's lock.

   make_packets(rows, type, names): replaces each row of a list, a list of 7 fields, by a tuple of this type, a subclass
   of tuple, and in it the number of an output by its name, from a tuple.

   Returns 0, or -1 if there is no memory. */
int rmpy_add_session_calls(uintptr_t dict);

#endif
