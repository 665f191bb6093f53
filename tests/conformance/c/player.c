/* Plays a scenario: its steps in their order, and what every scenario ends with. */

#include "scenario.h"

void run_scenario(const char *path) {
    json *file = json_file(path);
    if (json_int(file, "version", 0) != 1) fail("version %s is not known", json_shown(json_get(file, "version")));
    scenario *play = take(sizeof *play);
    json *outside = live_objects();
    new_place(play, "", NULL);
    play->before = live_objects();
    int number = 1;
    for (const json *step = json_need(file, "steps")->first; step != NULL; step = step->next, number++) {
        jmp_buf outer;
        memcpy(&outer, &end_of_case, sizeof outer);
        int how = setjmp(end_of_case);
        if (how != CASE_RUNS) {
            char why[sizeof reason];
            snprintf(why, sizeof why, "step %d (%s): %.1900s", number, json_text(step, "do"), reason);
            memcpy(reason, why, sizeof reason);
            memcpy(&end_of_case, &outer, sizeof outer);
            longjmp(end_of_case, how);
        }
        if (play->error != NULL && !json_is(json_need(step, "do"), "expect_error"))
            fail("the step before failed: %s", json_shown(play->error));
        if (!do_step(play, step) && !do_session_step(play, step) && !do_check(play, step))
            fail("there is no such verb");
        settle(play);
        memcpy(&end_of_case, &outer, sizeof outer);
    }
    if (play->error != NULL) fail("the last step failed: %s", json_shown(play->error));
    close_all(play);
    play->before = outside;
    check_live(play, NULL);
}
