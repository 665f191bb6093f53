/* Objects of Python that end when nothing refers to them any more, and not before. The garbage collector calls the
   finalizers of all garbage, and after that a finalizer may have brought some of it back to life: an async generator
   that its loop closes, with all that it refers to. What `ffi.gc` has freed by then is used again. cffi reads this file
   too. */

#ifndef RMPY_LIFETIMES_H
#define RMPY_LIFETIMES_H

#include <stdint.h>

#include "remotemedia.h"

/* What `ffi.gc` calls at the end of a place for what a call makes: they free what is in it, if anything, and empty it.
   Such a place owns what it gets within the call; between two steps of Python a signal handler may raise. */
void rmpy_clear_runtime(rm_runtime **place);
void rmpy_clear_port(rm_port **place);
void rmpy_clear_session(rm_session **place);
void rmpy_clear_pipeline(rm_pipeline **place);
void rmpy_clear_error(rm_error **place);

/* Adds functions to the dict at an address, `id()` in Python:

   hidden(object) -> capsule: a reference to an object that the collector does not see, so that it takes the object for
   one that is in use. Where the object refers to the capsule, both stay for ever.

   memory(address, length, readonly, owner) -> object: memory as a buffer of bytes, which keeps `owner`.

   adopt(entry) -> object: the memory of the `rm_buffer` at an address, as a buffer of bytes, taken out of it. When it
   ends the memory is freed: small memory with a later call, large memory at once, or by another thread if an event loop
   runs here.

   free_by(waiting, running_loop): sets where handles of small memory wait, whose `append` gets their addresses, and
   what tells the event loop that runs here, or None. Both are in C, so that no signal handler comes between.

   Returns 0, or -1 if there is no memory. */
int rmpy_add_lifetimes(uintptr_t dict);

#endif
