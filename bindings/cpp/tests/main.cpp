// SPDX-License-Identifier: MIT OR Apache-2.0
// Runs the tests of one area, or all: `tests [AREA]`.

#include "check.hpp"

#include <csignal>
#include <unistd.h>

int main(int argc, char **argv) {
    // A test that hangs is ended.
    alarm(55);
    int failed = 0, run = 0;
    for (const Test &test : Test::all()) {
        if (argc > 1 && test.area != argv[1]) continue;
        run++;
        try {
            test.body();
            std::cout << "ok " << test.area << "." << test.name << std::endl;
        } catch (const std::exception &error) {
            failed++;
            std::cout << "FAILED " << test.area << "." << test.name << ": " << error.what() << std::endl;
        }
    }
    std::cout << run - failed << " passed, " << failed << " failed" << std::endl;
    return failed == 0 && run > 0 ? 0 : 1;
}
