/*
 * Of a build with sanitizers (flags.cjs) alone: what the programs ask of AddressSanitizer. Memory that a program which ends, or becomes another, never
 * gave back is no leak; and finding leaks takes another process that traces this one.
 */
#ifdef __SANITIZE_ADDRESS__
const char *__asan_default_options(void);

__attribute__((visibility("default"))) const char *__asan_default_options(void) { return "detect_leaks=0:handle_abort=0"; }
#else
typedef int sanitizer_is_not_built;
#endif
