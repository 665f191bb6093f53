// SPDX-License-Identifier: MIT OR Apache-2.0
// Runs the conformance suite: `conformance SUITE [--list] [CASE...]`, as tests/conformance/README.md says.

#include "cases.hpp"

#include <algorithm>

int main(int argc, char **argv) {
    std::vector<std::string> wanted;
    bool is_list = false;
    for (int index = 2; index < argc; index++) {
        if (std::string_view(argv[index]) == "--list")
            is_list = true;
        else
            wanted.emplace_back(argv[index]);
    }
    if (argc < 2) {
        std::cerr << "usage: conformance SUITE [--list] [CASE...]\n";
        return 2;
    }
    std::vector<Case> cases;
    try {
        for (auto *make : {vector_cases, digest_cases, scenario_cases}) {
            auto found = make(argv[1]);
            cases.insert(cases.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
        }
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 2;
    }
    bool has_failed = false;
    for (const Case &each : cases) {
        if (!wanted.empty() && std::ranges::find(wanted, each.name) == wanted.end()) continue;
        if (is_list) {
            std::cout << each.name << std::endl;
            continue;
        }
        try {
            each.play();
            std::cout << "ok " << each.name << std::endl;
        } catch (const Skip &skip) {
            std::cout << "skip " << each.name << ": " << skip.what() << std::endl;
        } catch (const std::exception &error) {
            has_failed = true;
            std::cout << "FAIL " << each.name << ": " << shortened(error.what()) << std::endl;
        }
    }
    return has_failed ? 1 : 0;
}
