// A wall clock that jumps while a process runs, for LD_PRELOAD. The monotonic clocks stay as they are.
//
// CLOCK_JUMP_S        seconds by which the wall clock jumps, below zero for backwards
// CLOCK_JUMP_AFTER_S  seconds after the process started
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

typedef int (*get_time)(clockid_t, struct timespec *);

static get_time real(void) {
    static get_time found;
    if (!found) found = (get_time)dlsym(RTLD_NEXT, "clock_gettime");
    return found;
}

static double setting(const char *name) {
    const char *text = getenv(name);
    return text ? atof(text) : 0;
}

static time_t jumped(void) {
    static struct timespec start;
    static double after, jump;
    struct timespec now;
    real()(CLOCK_MONOTONIC, &now);
    if (!start.tv_sec) {
        start = now;
        after = setting("CLOCK_JUMP_AFTER_S");
        jump = setting("CLOCK_JUMP_S");
    }
    return now.tv_sec - start.tv_sec >= after ? (time_t)jump : 0;
}

static __attribute__((constructor)) void begin(void) { jumped(); }

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = real()(clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += jumped();
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    (void)zone;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
