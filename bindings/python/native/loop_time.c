/* How much of the time of an event loop's thread goes to work that calls do on it. */

#include "loop_time.h"

/* Work may have one in so many parts of the time. With 190 calls, each of which asks for speech in frames of 20 ms,
   work would take a quarter of it: with all of it on the loop's thread their answers were 10 ms late at p99, and 2 ms
   with this. */
enum { SHARE = 20 };
/* More than this is owed only by a loop that is kept busy, not by one that begins. */
enum { MOST_OWED_US = 2000 };
/* About what Python does around each packet or run. */
enum { AROUND_US = 8 };

int rmpy_loop_time_is_used_up(rmpy_loop_time *time, int64_t now_us) {
    int64_t freed_us = (now_us - time->seen_us) / SHARE;
    if (freed_us < 0) {
        /* A clock that was set back has not run. */
        freed_us = 0;
        time->seen_us = now_us;
    }
    time->owed_us = time->owed_us > freed_us ? time->owed_us - freed_us : 0;
    /* What is too short to free anything is looked at again. */
    time->seen_us += freed_us * SHARE;
    if (time->owed_us > MOST_OWED_US)
        time->is_used_up = 1;
    else if (time->owed_us < MOST_OWED_US / 2)
        time->is_used_up = 0;
    return time->is_used_up;
}

void rmpy_loop_time_add(rmpy_loop_time *time, uintptr_t whom, int64_t worked_us) {
    if (worked_us > 0 && (whom == 0 || whom != time->last)) time->owed_us += worked_us;
    /* What was too short to be handed over is not made good for long. */
    if (time->owed_us > 2 * MOST_OWED_US) time->owed_us = 2 * MOST_OWED_US;
    time->last = whom;
}

void rmpy_loop_time_called(rmpy_loop_time *time, int64_t taken_us, uint32_t count) {
    int64_t least = (int64_t)count * AROUND_US;
    time->turn_us += taken_us > least ? taken_us : least;
}
