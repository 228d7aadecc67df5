// A stand-in for libnvidia-ml.so.1: boards whose power follows a law that a test can integrate by hand.
//
//   power of board i at time t:  W_i * (1 + SWING * sin(2 pi t / SWING_S)),  t from CLOCK_MONOTONIC (Python's perf_counter)
//   its energy counter:          the exact integral of that from t = 0, renewed every UPDATE_MS
//
// FAKE_NVML_WATTS      mean power of each board, such as "100,300"; as many boards as numbers       (300)
// FAKE_NVML_SWING      amplitude as a share of the mean, 0 to 1                                     (0)
// FAKE_NVML_SWING_S    period of the swing in seconds                                               (1)
// FAKE_NVML_UPDATE_MS  time between updates of the counter; 0: it stands still                      (20)
// FAKE_NVML_MISSING    calls not supported: a list of "energy", "instant", "usage"                  ()
// FAKE_NVML_LOST_S     seconds after nvmlInit from which the GPU is lost                            (never)
// FAKE_NVML_MIG        1: MIG mode is on                                                            (0)
// FAKE_NVML_PROCESS    bytes of this process in the process list; "other": only another process is  (no process)
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15 };
enum { POWER_INSTANT = 186, TEMPERATURE_C = 55, MAX_BOARDS = 16 };

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

static double now_s(void) {
    struct timespec time;
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

static double mean_w(void *device) {
    double watts[MAX_BOARDS];
    boards(watts);
    return watts[index_of(device)];
}

static double power_w(void *device) {
    double swing_s = number("FAKE_NVML_SWING_S", 1);
    return mean_w(device) * (1 + number("FAKE_NVML_SWING", 0) * sin(2 * M_PI * now_s() / swing_s));
}

static double energy_j(void *device) {
    double update_s = number("FAKE_NVML_UPDATE_MS", 20) / 1e3, swing_s = number("FAKE_NVML_SWING_S", 1);
    double time_s = update_s > 0 ? floor(now_s() / update_s) * update_s : 0;
    double swing_term = swing_s / (2 * M_PI) * (1 - cos(2 * M_PI * time_s / swing_s));
    return mean_w(device) * (time_s + number("FAKE_NVML_SWING", 0) * swing_term);
}

static int missing(const char *call) {
    const char *calls = getenv("FAKE_NVML_MISSING");
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
    return missing("energy") ? NOT_SUPPORTED : state();
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) {
    *milliwatts = (unsigned)(power_w(device) * 1e3);
    return missing("usage") ? NOT_SUPPORTED : state();
}

int nvmlDeviceGetFieldValues(void *device, int count, Field *fields) {
    for (int index = 0; index < count; index++) {
        fields[index].value.ui = (unsigned)(power_w(device) * 1e3);
        fields[index].result = fields[index].field_id != POWER_INSTANT || missing("instant") ? NOT_SUPPORTED : SUCCESS;
    }
    return state();
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *celsius) {
    (void)device, (void)sensor;
    *celsius = TEMPERATURE_C;
    return state();
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
    *answer = 0;
    return SUCCESS;
}

int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
    (void)device;
    *current = *pending = (unsigned)number("FAKE_NVML_MIG", 0);
    return SUCCESS;
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
