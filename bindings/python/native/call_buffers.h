/* What one call into the library needs, and calls that return a number if that is all there is to know: each argument
   that Python passes and each field that it reads takes cffi some 50 ns, which is much of what a small call costs. cffi
   reads this file too. */

#ifndef RMPY_CALL_BUFFERS_H
#define RMPY_CALL_BUFFERS_H

#include "loop_time.h"
#include "remotemedia.h"

typedef struct rmpy_call_buffers {
    /* Room for the document that a call returns, its error, and its status. */
    rm_output output;
    rm_error *error;
    rm_status status;
    /* After rmpy_submit: the length of the completion, where in it the list of released tokens begins, 0 if there is
       none, and the token of the work. */
    uint16_t length;
    uint16_t released;
    uint64_t token;
    /* What seldom changes from one call to the next, and the buffers of the next call, which are forgotten after it. */
    const rm_session *session;
    int64_t budget_us;
    const rm_buffer *buffers;
    size_t buffer_count;
    /* How many of the last calls in a row have taken so long that the interpreter's lock is better let go of. */
    int32_t long_calls;
    /* How long a packet of the last sends was worked on in the call: a mean, in which the last send counts an eighth.
     */
    double packet_us;
    /* That of the thread that calls; NULL if it has no event loop. */
    rmpy_loop_time *loop_time;
    /* Room for a table of buffers, and for memory that is freed with the next call: those of `output`. */
    rm_buffer room[16];
    rm_memory *discards[64];
    /* The table of a document outside of the room of the call that was opened, with handles of its own. */
    rm_buffer *table;
    size_t table_length;
} rmpy_call_buffers;

/* Opens the document that a call has left outside of its room, perhaps once more: its bytes, and in `table` its
   buffers, whose memory may outlive it. The call keeps all of it until `rmpy_let_go`, but for what was taken out of a
   table. */
rm_status rmpy_open_document(rmpy_call_buffers *call, const uint8_t **data, size_t *length);

/* Frees what a call has left and nobody has taken over: the document, memory, an error. Each call begins with it. */
void rmpy_let_go(rmpy_call_buffers *call);

/* Does so at the end of the buffers, and frees what waits for the next call. They may be used again. */
void rmpy_clear_call_buffers(rmpy_call_buffers *call);

/* In a result of rmpy_submit: there are buffers, or released tokens. */
#define RMPY_HAS_MORE 0x4000

/* Submits work under a new token, with the buffers of the call. If its completion is in the room of the
   call and holds nothing but what one sink put out, returns where the list of values is in it, begin << 16 | end,
   perhaps with RMPY_HAS_MORE. Else returns -1; `status` and `output` have the result. */
int32_t rmpy_submit(rmpy_call_buffers *call, const rm_pipeline *pipeline, const rm_port *port, const uint8_t *inputs,
                    size_t length, int64_t timeout_us, int64_t budget_us);

/* Sends packets to the session, with the buffers of the call. Returns how many were taken if that is all
   there is to know and they are at most 127; else -1 less the length of the answer if it is in the room of the call and
   refers to no buffer; else -1, and `status` and `output` have the result. */
int32_t rmpy_send(rmpy_call_buffers *call, const uint8_t *packets, size_t length, int64_t budget_us,
                  size_t most_outputs);

/* Makes a document of audio of PCM, whose format is the name of a format of samples. Returns its length if it is in the
   room of the call and refers to no buffer; else -1, and `status` and `output` have the result. */
int32_t rmpy_audio_from_pcm(rmpy_call_buffers *call, const uint8_t *pcm, size_t length, const uint8_t *format,
                            size_t format_length, uint32_t rate, uint32_t channels);

/* Receives outputs of the session. Returns 0 if there are none yet; else the length of the answer if it is in the room
   of the call and refers to no buffer; else -1, and `status` and `output` have the result. */
int32_t rmpy_receive(rmpy_call_buffers *call, int64_t sink, size_t most_outputs);

/* Takes the events of a port. Returns the length of their list if it is in the room of the call and refers to no
   buffer; else -1, and `status` and `output` have the result. */
int32_t rmpy_next(rmpy_call_buffers *call, const rm_port *port, int64_t timeout_us);

/* Replies to a call of a port, with the buffers of the call. With `wants_next` the next call to the same nodes is in
   `output` if it is there already. Returns `status`. */
rm_status rmpy_reply(rmpy_call_buffers *call, const rm_port *port, uint64_t id, const uint8_t *reply, size_t length,
                     int wants_next);

#endif
