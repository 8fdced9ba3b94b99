/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share. A target is one file fuzz_NAME.c with LLVMFuzzerTestOneInput; `make fuzz` links it with libFuzzer, the tests
 * with replay.c, which runs the corpus through it. Nothing in a target is random: the same input does the same again. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. It ends the process as a crash does, so that the fuzzer keeps the input. */
#define MUST(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
__attribute__((noreturn)) void fuzz_fail(const char *file, int line, const char *what);

/* Call it first: starts the library once, and the generator behind getrandom anew. */
void fuzz_start(void);

/* The input as a program: bytes are taken from its front, 0 when it has ended. */
struct fuzz {
	const uint8_t *at;
	size_t left;
};
uint8_t fuzz_u8(struct fuzz *f);
uint16_t fuzz_u16(struct fuzz *f);
uint64_t fuzz_u64(struct fuzz *f);
/* At most max bytes, as many as the input says in one byte (two, when max is above 255) and has. The place is in the input. */
const uint8_t *fuzz_bytes(struct fuzz *f, size_t max, size_t *len);

/* A copy on the heap of exactly len bytes, so that AddressSanitizer sees one too many; never NULL; free(). */
uint8_t *fuzz_copy(const void *data, size_t len);
/* 1 to 4 changes of the copy *data (free() the old one, there may be a new one): bytes flipped or set, cut off, appended, repeated. */
void fuzz_damage(struct fuzz *f, uint8_t **data, size_t *len);

/* The input as a file: a path that is valid, and has these bytes, until the next call. */
const char *fuzz_file(const void *data, size_t len);

#endif
