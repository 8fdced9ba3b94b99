/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between the kernels from 6.1 on. No other file asks for the version. */
#ifndef MNK_COMPAT_H
#define MNK_COMPAT_H

#include <linux/crypto.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* The first argument of a cipher's completion, and what the request was given for it. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
typedef void *mnk_completion_arg;
#define mnk_completion_data(arg) (arg)
#else
typedef struct crypto_async_request *mnk_completion_arg;
#define mnk_completion_data(arg) ((arg)->data)
#endif

#endif
