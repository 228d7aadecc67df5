// A stand-in for libnvidia-ml.so.1: boards whose power follows a law that a test can integrate by hand.
//
//   power of board i at time t:  W_i * (1 + SWING * sin(2 pi t / SWING_S)),  t from CLOCK_MONOTONIC (Python's perf_counter)
//                                or, after fake_nvml_trace, straight lines between the points given
//   its energy counter:          the exact integral of that from t = 0, renewed every UPDATE_MS
//
// Time is the host's, or whatever a simulation writes to fake_nvml_clock_s. A setting with a board's number, such as
// FAKE_NVML_UPDATE_MS_1, holds for that board alone: of those marked (*).
//
// FAKE_NVML_WATTS      mean power of each board, such as "100,300"; as many boards as numbers       (300)
// FAKE_NVML_SWING      amplitude as a share of the mean, 0 to 1                                     (0)
// FAKE_NVML_SWING_S    period of the swing in seconds                                               (1)
// FAKE_NVML_UPDATE_MS  (*) time between updates of the counter; 0: it stands still                  (20)
// FAKE_NVML_POWER_MS   (*) time between updates of the power; 0: always the present one              (0)
// FAKE_NVML_USAGE_S    time over which nvmlDeviceGetPowerUsage averages; 0: none                    (0)
// FAKE_NVML_MISSING    (*) calls not supported: a list of "energy", "instant", "usage", "utilisation", "clocks", "reasons" ()
// FAKE_NVML_LOST_S     seconds after nvmlInit from which the GPU is lost                            (never)
// FAKE_NVML_MIG        (*) 1: MIG mode is on; 2: the handle is an instance                          (0)
// FAKE_NVML_PROCESS    bytes of this process in the process list; "other": only another process is  (no process)
// FAKE_NVML_LIMIT_W    power limit of each board, which may draw 700 W by default                     (700)
// FAKE_NVML_THROTTLED  "SECONDS:MHZ:REASONS": from so long after nvmlInit on, the SM clock and the bits of its limits
//                      (1980 MHz, no limit)
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15 };
enum { MEMORY_CLOCK = 2, POWER_INSTANT = 186, TEMPERATURE_C = 55, MAX_BOARDS = 16 };

typedef struct {
    unsigned field_id, scope_id;
    long long timestamp, latency_us;
    int value_type, result;
    union {
        unsigned ui;
        unsigned long long ull;
    } value;
} Field;

typedef struct {
    unsigned pid;
    unsigned long long used_bytes;
    unsigned gpu_instance, compute_instance;
} Process;

static double initialised_s;

static double number(const char *name, double otherwise) {
    const char *text = getenv(name);
    return text ? atof(text) : otherwise;
}

double fake_nvml_clock_s = -1;

static double now_s(void) {
    struct timespec time;
    if (fake_nvml_clock_s >= 0) return fake_nvml_clock_s;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static unsigned boards(double *watts) {
    const char *text = getenv("FAKE_NVML_WATTS");
    unsigned count = 0;
    for (text = text ? text : "300"; text && count < MAX_BOARDS; text = strchr(text, ','), text = text ? text + 1 : NULL)
        watts[count++] = atof(text);
    return count;
}

static unsigned index_of(void *device) { return (unsigned)((size_t)device - 1); }

// A board's own setting, else that of all; NULL where neither is there.
static const char *setting(const char *name, void *device) {
    char own[64];
    snprintf(own, sizeof own, "%s_%u", name, index_of(device));
    return getenv(own) ? getenv(own) : getenv(name);
}

static double own_number(const char *name, void *device, double otherwise) {
    const char *text = setting(name, device);
    return text ? atof(text) : otherwise;
}

static double mean_w(void *device) {
    double watts[MAX_BOARDS];
    boards(watts);
    return watts[index_of(device)];
}

typedef struct {
    unsigned points;
    double *times_s, *watts, *joules;
} Trace;

static Trace traces[MAX_BOARDS];

// Power of a board from now on: straight lines between points in the order of time, constant before and after them.
void fake_nvml_trace(unsigned board, unsigned points, const double *times_s, const double *watts) {
    Trace *trace = &traces[board];
    trace->points = points;
    trace->times_s = realloc(trace->times_s, points * sizeof(double));
    trace->watts = realloc(trace->watts, points * sizeof(double));
    trace->joules = realloc(trace->joules, points * sizeof(double));
    memcpy(trace->times_s, times_s, points * sizeof(double));
    memcpy(trace->watts, watts, points * sizeof(double));
    trace->joules[0] = watts[0] * times_s[0];
    for (unsigned n = 1; n < points; n++)
        trace->joules[n] = trace->joules[n - 1] + (times_s[n] - times_s[n - 1]) * (watts[n - 1] + watts[n]) / 2;
}

// Power and energy of a traced board at a time.
static void follow(const Trace *trace, double time_s, double *watts, double *joules) {
    unsigned low = 0, high = trace->points - 1;
    if (time_s <= trace->times_s[0] || time_s >= trace->times_s[high]) {
        unsigned end = time_s <= trace->times_s[0] ? 0 : high;
        *watts = trace->watts[end];
        *joules = trace->joules[end] + (time_s - trace->times_s[end]) * *watts;
        return;
    }
    while (high - low > 1) {
        unsigned middle = (low + high) / 2;
        if (trace->times_s[middle] <= time_s) low = middle;
        else high = middle;
    }
    double since_s = time_s - trace->times_s[low];
    *watts = trace->watts[low] + (trace->watts[high] - trace->watts[low]) * since_s / (trace->times_s[high] - trace->times_s[low]);
    *joules = trace->joules[low] + since_s * (trace->watts[low] + *watts) / 2;
}

static double renewed_s(const char *name, void *device, double otherwise_ms) {
    double update_s = own_number(name, device, otherwise_ms) / 1e3;
    return update_s > 0 ? floor(now_s() / update_s) * update_s : -1;
}

static double power_at_w(void *device, double time_s) {
    double swing_s = number("FAKE_NVML_SWING_S", 1), watts, joules;
    if (traces[index_of(device)].points) {
        follow(&traces[index_of(device)], time_s, &watts, &joules);
        return watts;
    }
    return mean_w(device) * (1 + number("FAKE_NVML_SWING", 0) * sin(2 * M_PI * time_s / swing_s));
}

static double energy_at_j(void *device, double time_s) {
    double swing_s = number("FAKE_NVML_SWING_S", 1), watts, joules;
    if (traces[index_of(device)].points) {
        follow(&traces[index_of(device)], time_s, &watts, &joules);
        return joules;
    }
    double swing_term = swing_s / (2 * M_PI) * (1 - cos(2 * M_PI * time_s / swing_s));
    return mean_w(device) * (time_s + number("FAKE_NVML_SWING", 0) * swing_term);
}

static double power_w(void *device) {
    double time_s = renewed_s("FAKE_NVML_POWER_MS", device, 0);
    return power_at_w(device, time_s < 0 ? now_s() : time_s);
}

static double usage_w(void *device) {
    double over_s = number("FAKE_NVML_USAGE_S", 0);
    if (over_s <= 0) return power_w(device);
    return (energy_at_j(device, now_s()) - energy_at_j(device, now_s() - over_s)) / over_s;
}

static double energy_j(void *device) {
    double time_s = renewed_s("FAKE_NVML_UPDATE_MS", device, 20);
    return energy_at_j(device, time_s < 0 ? 0 : time_s);
}

static int missing(const char *call, void *device) {
    const char *calls = setting("FAKE_NVML_MISSING", device);
    return calls && strstr(calls, call);
}

static int state(void) { return now_s() - initialised_s > number("FAKE_NVML_LOST_S", 1e9) ? GPU_IS_LOST : SUCCESS; }

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    initialised_s = now_s();
    return SUCCESS;
}

const char *nvmlErrorString(int result) { return result == GPU_IS_LOST ? "GPU is lost" : "Not Supported"; }

int nvmlSystemGetDriverVersion(char *text, unsigned length) {
    snprintf(text, length, "999.1");
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    double watts[MAX_BOARDS];
    *count = boards(watts);
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    double watts[MAX_BOARDS];
    *device = (void *)(size_t)(index + 1);
    return index < boards(watts) ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceGetUUID(void *device, char *text, unsigned length) {
    snprintf(text, length, "GPU-%08u-aaaa-bbbb-cccc-0123456789ab", index_of(device));
    return state();
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    double watts[MAX_BOARDS];
    char text[96];
    for (unsigned index = 0; index < boards(watts); index++) {
        *device = (void *)(size_t)(index + 1);
        nvmlDeviceGetUUID(*device, text, sizeof text);
        if (!strcmp(text, uuid)) return SUCCESS;
    }
    return NOT_FOUND;
}

int nvmlDeviceGetName(void *device, char *text, unsigned length) {
    snprintf(text, length, "Fake board %u", index_of(device));
    return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules) {
    *millijoules = (unsigned long long)(energy_j(device) * 1e3);
    return missing("energy", device) ? NOT_SUPPORTED : state();
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) {
    *milliwatts = (unsigned)(usage_w(device) * 1e3);
    return missing("usage", device) ? NOT_SUPPORTED : state();
}

int nvmlDeviceGetFieldValues(void *device, int count, Field *fields) {
    for (int index = 0; index < count; index++) {
        fields[index].value.ui = (unsigned)(power_w(device) * 1e3);
        fields[index].result = fields[index].field_id != POWER_INSTANT || missing("instant", device) ? NOT_SUPPORTED : SUCCESS;
    }
    return state();
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *celsius) {
    (void)device, (void)sensor;
    *celsius = TEMPERATURE_C;
    return state();
}

// Since when the clock is limited, to what, and why; 0 where it is not.
static int throttled(double *mhz, unsigned long long *reasons) {
    double from_s;
    const char *text = getenv("FAKE_NVML_THROTTLED");
    return text && sscanf(text, "%lf:%lf:%llu", &from_s, mhz, reasons) == 3 && now_s() - initialised_s >= from_s;
}

int nvmlDeviceGetClockInfo(void *device, int kind, unsigned *mhz) {
    double limited_mhz;
    unsigned long long reasons;
    (void)device;
    *mhz = kind == MEMORY_CLOCK ? 2619 : throttled(&limited_mhz, &reasons) ? (unsigned)limited_mhz : 1980;
    return missing("clocks", device) ? NOT_SUPPORTED : state();
}

int nvmlDeviceGetMaxClockInfo(void *device, int kind, unsigned *mhz) {
    (void)device;
    *mhz = kind == MEMORY_CLOCK ? 2619 : 1980;
    return missing("clocks", device) ? NOT_SUPPORTED : state();
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) {
    double mhz;
    (void)device;
    if (!throttled(&mhz, reasons)) *reasons = 0;
    return missing("reasons", device) ? NOT_SUPPORTED : state();
}

int nvmlDeviceGetUtilizationRates(void *device, unsigned *gpu_memory) {
    (void)device;
    gpu_memory[0] = 90;
    gpu_memory[1] = 40;
    return missing("utilisation", device) ? NOT_SUPPORTED : state();
}

int nvmlSystemGetCudaDriverVersion(int *version) {
    *version = 12080;
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *total_free_used) {
    (void)device;
    total_free_used[0] = 80ull << 30;
    total_free_used[1] = 79ull << 30;
    total_free_used[2] = 1ull << 30;
    return state();
}

int nvmlDeviceGetPowerManagementLimit(void *device, unsigned *milliwatts) {
    (void)device;
    *milliwatts = (unsigned)(number("FAKE_NVML_LIMIT_W", 700) * 1e3);
    return SUCCESS;
}

int nvmlDeviceGetPowerManagementDefaultLimit(void *device, unsigned *milliwatts) {
    (void)device;
    *milliwatts = 700000;
    return SUCCESS;
}

int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
    (void)device;
    *major = 9;
    *minor = 0;
    return SUCCESS;
}

int nvmlDeviceGetPersistenceMode(void *device, int *mode) {
    (void)device;
    *mode = 1;
    return SUCCESS;
}

int nvmlDeviceIsMigDeviceHandle(void *device, unsigned *answer) {
    (void)device;
    *answer = own_number("FAKE_NVML_MIG", device, 0) == 2;
    return SUCCESS;
}

int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
    (void)device;
    *current = *pending = own_number("FAKE_NVML_MIG", device, 0) > 0;
    return own_number("FAKE_NVML_MIG", device, 0) == 2 ? INVALID_ARGUMENT : SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, Process *processes) {
    const char *bytes = getenv("FAKE_NVML_PROCESS");
    (void)device;
    if (!bytes) {
        *count = 0;
        return state();
    }
    if (*count < 1) {
        *count = 1;
        return INSUFFICIENT_SIZE;
    }
    *count = 1;
    processes[0].pid = strcmp(bytes, "other") ? (unsigned)getpid() : 1u;
    processes[0].used_bytes = strtoull(bytes, NULL, 10);
    return state();
}
