/* One of two translation units that include the header and link together; as C and as C++. */

#include <remotemedia.h>

#ifdef SECOND
uint32_t version_in_the_other_unit(void) { return rm_abi_version(); }
#else
uint32_t version_in_the_other_unit(void);
int main(void) { return version_in_the_other_unit() == rm_abi_version() ? 0 : 1; }
#endif
