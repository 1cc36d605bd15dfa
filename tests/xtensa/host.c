// core.c on the machine that builds.

#include <stdlib.h>
#include <unistd.h>

int sim(int number, int a, const void *b, int c) {
    if (number == 1) {
        exit(a);
    }
    return write(a, b, c);
}
