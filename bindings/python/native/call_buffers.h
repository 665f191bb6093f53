/* What one call into the library needs, and calls that answer in a number if that is all there is to know: an argument
   or a field that Python looks at takes cffi some 50 ns, which is much of what a small call costs. cffi reads this file
   too. */

#ifndef RMPY_CALL_BUFFERS_H
#define RMPY_CALL_BUFFERS_H

#include "remotemedia.h"

typedef struct rmpy_call_buffers {
    /* Room for the document that a call returns, its error, and its status. */
    rm_output output;
    rm_error *error;
    rm_status status;
    /* After rmpy_submit: the token of the work, and where in its completion the list of released tokens begins, 0 if
       there is none. */
    uint32_t released;
    uint64_t token;
    /* For rmpy_send and rmpy_receive: what seldom changes from one call to the next. */
    const rm_session *session;
    int64_t budget_us;
    const rm_buffer *buffers;
    size_t buffer_count;
} rmpy_call_buffers;

/* Submits work under a new token. Returns begin << 32 | end << 16 | length if its completion is in the room of the
   call and says nothing but what one sink put out: where the list of values stands, and the completion's length. Else
   returns -1; `status` and `output` have the result. */
int64_t rmpy_submit(rmpy_call_buffers *call, const rm_pipeline *pipeline, const rm_port *port, const uint8_t *inputs,
                    size_t length, const rm_buffer *buffers, size_t buffer_count, int64_t timeout_us,
                    int64_t budget_us);

/* Sends packets to the session, with the buffers of the call, which are forgotten afterwards. Returns how many were
   taken if that is all there is to know and they are at most 127; else the length of the answer << 8 if it is in the
   room of the call and refers to no buffer; else -1, and `status` and `output` have the result. */
int32_t rmpy_send(rmpy_call_buffers *call, const uint8_t *packets, size_t length, size_t most_outputs);

/* Receives outputs of the session. Returns 0 if there are none yet; else the length of the answer if it is in the room
   of the call and refers to no buffer; else -1, and `status` and `output` have the result. */
int32_t rmpy_receive(rmpy_call_buffers *call, int64_t sink, size_t most_outputs);

/* Takes the events of a port. Returns the length of their list if it is in the room of the call and refers to no
   buffer; else -1, and `status` and `output` have the result. */
int32_t rmpy_next(rmpy_call_buffers *call, rm_port *port, int64_t timeout_us);

#endif
