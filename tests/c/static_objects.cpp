// Static objects of C++ that hold objects of the library: they are destroyed after the state of the main thread is
// gone, in the middle of work.

#include <remotemedia.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

namespace {

const char pass[] =
    R"({"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "Echo"}],
                        "connections": [{"from": "a", "to": "b"}]})";
const char hosted[] = R"({"version": "v1", "nodes": [{"id": "a", "node_type": "Hosted"}]})";
const char options[] = R"({"host_nodes": {"Hosted": {"token": 7}}})";
// [the first 16,384 bytes of buffer 0]
const uint8_t inputs[] = {0x91, 0xc7, 6, 6, 0x93, 0, 0, 0xcd, 0x40, 0x00};
uint8_t lent[16384];

void require(bool holds, const char *what) {
    if (holds) return;
    std::fprintf(stderr, "failed: %s\n", what);
    _exit(1);
}

// Everything that a host has, in the hands of one object.
class Host {
  public:
    ~Host() {
        if (runtime == nullptr) return;
        use(20);
        rm_session_free(session);
        if (shuts_down) require(rm_runtime_shutdown(runtime, -1, nullptr) == RM_OK, "shutdown");
        rm_port_free(port);
        rm_pipeline_free(first);
        rm_pipeline_free(second);
        rm_runtime_free(runtime);
    }

    void begin(bool shuts_down_first) {
        shuts_down = shuts_down_first;
        require(rm_runtime_new(nullptr, 0, &runtime, nullptr) == RM_OK, "runtime");
        require(rm_port_new(runtime, nullptr, 0, &port, nullptr) == RM_OK, "port");
        first = pipeline(pass, "");
        second = pipeline(hosted, options);
        require(rm_session_new(first, port, 1, nullptr, 0, &session, nullptr) == RM_OK, "session");
    }

    void use(int works) {
        for (int work = 0; work < works; work++) {
            rm_buffer table{};
            table.data = lent;
            table.len = sizeof lent;
            table.token = ++token;
            rm_output out{};
            const rm_pipeline *chosen = work % 2 != 0 ? first : second;
            require(rm_pipeline_submit(chosen, port, token, inputs, sizeof inputs, &table, 1, -1, 0, &out, nullptr) ==
                        RM_PENDING,
                    "submit");
            table.token = ++token;
            require(rm_pipeline_execute(first, inputs, sizeof inputs, &table, 1, -1, &out, nullptr) == RM_OK,
                    "execute");
            rm_document_free(out.document);
            require(rm_port_next(port, 0, &out, nullptr) >= 0, "next");
            rm_document_free(out.document);
            rm_error *error = nullptr;
            require(rm_pipeline_execute(second, inputs, sizeof inputs, nullptr, 0, -1, &out, &error) < 0, "an error");
            require(std::strlen(rm_error_message(error)) > 0, "a message");
            rm_error_free(error);
        }
    }

  private:
    rm_pipeline *pipeline(const char *manifest, const char *of) const {
        rm_pipeline *made = nullptr;
        const auto bytes = [](const char *text) { return reinterpret_cast<const uint8_t *>(text); };
        require(rm_pipeline_new(runtime, bytes(manifest), std::strlen(manifest), bytes(of), std::strlen(of), &made,
                                nullptr) == RM_OK,
                "pipeline");
        return made;
    }

    rm_runtime *runtime = nullptr;
    rm_port *port = nullptr;
    rm_pipeline *first = nullptr, *second = nullptr;
    rm_session *session = nullptr;
    uint64_t token = 100;
    bool shuts_down = false;
};

// The one is destroyed before what functions have as static objects, the other after it.
Host of_the_program;

Host &of_a_function() {
    static Host host;
    return host;
}

} // namespace

int main() {
    alarm(50);
    for (int round = 0; round < 20; round++) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(25);
            Host &host = round % 2 != 0 ? of_the_program : of_a_function();
            host.begin(round % 4 < 2);
            host.use(10);
            std::exit(0);
        }
        int status = 0;
        require(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "a quiet exit");
    }
    return 0;
}
