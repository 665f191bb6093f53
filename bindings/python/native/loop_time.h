/* How much of the time of an event loop's thread goes to work that calls do on it. That saves each call the way to a
   worker and back; but others wait for it, and a loop with many sessions is full before the machine is. Then the
   workers are better. cffi reads this file too. */

#ifndef RMPY_LOOP_TIME_H
#define RMPY_LOOP_TIME_H

#include <stdint.h>

/* Of one thread, which all calls on it share; zeros to begin with. */
typedef struct rmpy_loop_time {
    /* Up to when time is accounted for. */
    int64_t seen_us;
    /* Work that others had to wait for, less the share of the time since then that is free for it. */
    int64_t owed_us;
    /* For whom the last work was: a session, or the task that waits for a run. */
    uintptr_t last;
    /* Whether work is for the workers, until little is owed. */
    int32_t is_used_up;
    /* How long the last runs have worked: a mean, in which the last one counts an eighth. */
    double run_us;
    /* The time of all calls since it was last set to zero: when the loop had a turn. */
    int64_t turn_us;
} rmpy_loop_time;

/* Whether work on the thread has had its share of the time up to now. */
int rmpy_loop_time_is_used_up(rmpy_loop_time *time, int64_t now_us);

/* Notes work that was done on the thread for somebody. That others wait is known by the next one being another: who
   does all the work waits for it in any case. With 0 others wait. */
void rmpy_loop_time_add(rmpy_loop_time *time, uintptr_t whom, int64_t worked_us);

/* Notes a call with so many packets or runs, wherever their work was done. */
void rmpy_loop_time_called(rmpy_loop_time *time, int64_t taken_us, uint32_t count);

#endif
