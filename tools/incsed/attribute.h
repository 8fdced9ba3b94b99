/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes of resources (TS-0004 clause 7.4): which a request may bring for which type, and of what form. */
#ifndef MNT_INCSED_ATTRIBUTE_H
#define MNT_INCSED_ATTRIBUTE_H

#include <jansson.h>
#include <stdint.h>

#include "core/onem2m.h"
#include "resource.h"

/* "m2m:cin" ... NULL for another type. */
const char *mnt_attribute_wrapper(unsigned int ty);
/* Takes the attributes of type ty out of a primitive content: {"m2m:cin": {...}}. NULL when it has another form. Borrowed. */
json_t *mnt_attribute_unwrap(const json_t *content, unsigned int ty);
/* A new {"m2m:cin": attributes} without what is only for the store (names with '_'). NULL without memory. */
json_t *mnt_attribute_wrap(json_t *attributes, unsigned int ty);
/* Checks what a CREATE or UPDATE brings for a resource of that type: 0, or the RSC to answer with (4000). */
int mnt_attribute_check(const json_t *given, unsigned int ty, enum mn_onem2m_op op, int64_t now);
/* Copies them into a resource, in the order of the type's table; null in an UPDATE takes one away. */
int mnt_attribute_apply(json_t *attributes, const json_t *given, unsigned int ty);

/* YYYYMMDDTHHMMSS of a Unix time. */
void mnt_attribute_time(int64_t t, char out[16]);
/* contentSize of a con: bytes of a text, else of its compact JSON. */
int64_t mnt_attribute_content_size(const json_t *con);

#endif
