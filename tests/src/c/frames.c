/* Frames as C has them when it is compiled without probes: a function may move the stack pointer by any
 * amount, touches of its frame what it likes, and touches the low end only when it calls on. Here it
 * touches the byte at the high end, which tells of an overflow last. */

#include <stddef.h>

typedef unsigned long (*csp_frame)(unsigned long, size_t);

/* Hides from the compiler which function is called, so that nothing is inlined or becomes a loop. */
csp_frame volatile csp_next;

static unsigned long frame(unsigned long levels, size_t bytes) {
    volatile char *low = __builtin_alloca(bytes);
    low[bytes - 1] = (char)levels;
    if (levels == 0)
        return (unsigned long)low[bytes - 1];
    return csp_next(levels - 1, bytes) + (unsigned long)(low[bytes - 1] != 0);
}

/* Goes `levels` calls deep, with a frame of `bytes` bytes each. */
unsigned long csp_frames(unsigned long levels, size_t bytes) {
    csp_next = frame;
    return csp_next(levels, bytes);
}
