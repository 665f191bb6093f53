# cmake -DPROGRAM=... -DARGUMENTS=... -DEXPECTED=regex -P: the program has to end with 0 and print what is expected.
# (ctest's own PASS_REGULAR_EXPRESSION doesn't look at the exit code.)

execute_process(COMMAND ${PROGRAM} ${ARGUMENTS} OUTPUT_VARIABLE printed ERROR_VARIABLE printed RESULT_VARIABLE code)
message("${printed}")
if(NOT code EQUAL 0)
  message(FATAL_ERROR "ended with ${code}")
endif()
if(NOT printed MATCHES "${EXPECTED}")
  message(FATAL_ERROR "expected to find ${EXPECTED}")
endif()
