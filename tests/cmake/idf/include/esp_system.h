// Stands in for ESP-IDF's.
#pragma once
#include <stddef.h>
#include "sdkconfig.h"
