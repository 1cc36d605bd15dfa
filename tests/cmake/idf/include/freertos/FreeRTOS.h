// Stands in for FreeRTOS: the types that MicroPython's headers name.
#pragma once
#include "sdkconfig.h"

typedef void *SemaphoreHandle_t;
typedef struct _StaticSemaphore_t {
    void *dummy[20];
} StaticSemaphore_t;
