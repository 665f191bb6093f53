/* How much of the time of an event loop's thread goes to work that sends do on it. That saves each send the way to a
   worker and back; but a loop with many sessions is full before the machine is, and then the workers are better. cffi
   reads this file too. */

#ifndef RMPY_LOOP_TIME_H
#define RMPY_LOOP_TIME_H

#include <stdint.h>

/* Of one thread, which all calls on it share; zeros to begin with. */
typedef struct rmpy_loop_time {
    /* When it was last looked at. */
    int64_t seen_us;
    /* Work that was done on the thread, less the share of the time since then that is free for it. */
    int64_t owed_us;
    /* Whether work is for the workers, until little is owed. */
    int32_t is_used_up;
} rmpy_loop_time;

/* Whether work on the thread has had its share of the time up to now. */
int rmpy_loop_time_is_used_up(rmpy_loop_time *time, int64_t now_us);

/* Notes work that was done on the thread. */
void rmpy_loop_time_add(rmpy_loop_time *time, int64_t worked_us);

#endif
