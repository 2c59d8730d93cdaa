/* What a loop of the kernel calls, retold for `stepdown conform`: an allocator that answers by a script, and a record of
 * what was asked. Ours, MIT. The names of flags and attributes come before it, from model/c/table.py. BARE: without a
 * library, behind bare.h. */
#ifndef BARE
#include <stdlib.h>
#include <unistd.h>
#endif

static const char *stop(const char *why);
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32, gfp_t;
typedef unsigned long long u64, dma_addr_t;
typedef _Bool bool;
#undef NULL
#define NULL ((void *)0)
enum { false, true };
struct device;
struct page { char frame; };

#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define NUMA_NO_NODE (-1)
#define PAGE_ALLOC_COSTLY_ORDER 3
#define BITS_PER_LONG (8 * (int)sizeof(long))
#define ENOMEM 12
#define EINVAL 22
#define EINTR 4
#define INT_MAX 0x7fffffff
#define UINT_MAX 0xffffffffU
#define SIZE_MAX ((size_t)-1)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1UL << (n))
#define GENMASK(high, low) ((~0UL << (low)) & (~0UL >> (BITS_PER_LONG - 1 - (high))))
#define likely(x) ((long)!!(x))
#define unlikely(x) ((long)!!(x))
#define READ_ONCE(x) (x)
#define min(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define WARN_ON(x) (!!(x))
#define WARN_ON_ONCE(x) (!!(x))
#define BUG_ON(x) do { if (x) stop("BUG_ON"); } while (0)
#define BUG() stop("BUG")
#define cond_resched() ((void)0)
#define might_sleep() ((void)0)
#define touch_nmi_watchdog() ((void)0)
#define pr_err(...) ((void)0)
#define pr_warn(...) ((void)0)
#define pr_info(...) ((void)0)
#define pr_debug(...) ((void)0)
#define dev_err(...) ((void)0)
#define dev_warn(...) ((void)0)
#define dev_dbg(...) ((void)0)
#define dev_to_node(device) NUMA_NO_NODE
#define numa_node_id() 0
#define numa_mem_id() 0
#define kzalloc(size, gfp) calloc(1, size)
#define vzalloc(size) calloc(1, size)
#define kvzalloc(size, gfp) calloc(1, size)
#define kcalloc(n, size, gfp) calloc(n, size)
#define kvcalloc(n, size, gfp) calloc(n, size)
#define vcalloc(n, size) calloc(n, size)
#define kmalloc(size, gfp) malloc(size)
#define vmalloc(size) malloc(size)
#define kvmalloc(size, gfp) malloc(size)
#define kmalloc_array(n, size, gfp) malloc((n) * (size))
#define kvmalloc_array(n, size, gfp) malloc((n) * (size))
#define kfree free
#define vfree free
#define kvfree free
#define dma_alloc_from_contiguous(...) ((struct page *)stop("a contiguous buffer is asked for"))
#define alloc_pages_noprof alloc_pages
#define alloc_page(gfp) alloc_pages(gfp, 0)
#define alloc_pages_node(node, gfp, order) alloc_pages(gfp, order)
#define alloc_pages_node_noprof(node, gfp, order) alloc_pages(gfp, order)
#define __alloc_pages_node(node, gfp, order) alloc_pages(gfp, order)
#define __free_page(page) __free_pages(page, 0)
#define __dma_clear_buffer(page, size, ...) put_event('c', frame_of(page), (unsigned long)(size) >> PAGE_SHIFT)
#define fatal_signal_pending(task) 0
#define IS_ENABLED(option) SET_##option

static char in[1 << 16], out[1 << 16];
static unsigned int in_at, in_end, out_at;

#ifdef BARE
static long read(int file, void *to, size_t most) { return call_kernel(READ, file, to, most); }
static long write(int file, const void *from, size_t most) { return call_kernel(WRITE, file, from, most); }
static void _exit(int status) { for (;;) call_kernel(EXIT, status, NULL, 0); }
#endif

static void flush(void)
{
	for (unsigned int at = 0; at < out_at;) {
		long written = write(1, out + at, out_at - at);

		if (written <= 0)
			_exit(2);
		at += written;
	}
	out_at = 0;
}

static void put(char letter)
{
	if (out_at == sizeof(out))
		flush();
	out[out_at++] = letter;
}

static void put_text(const char *text)
{
	while (*text)
		put(*text++);
}

static void put_number(long number)
{
	char digits[24];
	int many = 0;
	unsigned long left = number < 0 ? -(unsigned long)number : (unsigned long)number;

	if (number < 0)
		put('-');
	do {
		digits[many++] = '0' + left % 10;
		left /= 10;
	} while (left);
	while (many--)
		put(digits[many]);
}

static void put_event(char what, long one, unsigned long other)
{
	put(what);
	put_number(one);
	put(',');
	put_number(other);
	put(' ');
}

static int next_letter(void)
{
	if (in_at == in_end) {
		long many = read(0, in, sizeof(in));

		if (many <= 0)
			return -1;
		in_at = 0;
		in_end = many;
	}
	return (unsigned char)in[in_at++];
}

static unsigned long long take_number(int *ended)
{
	unsigned long long number = 0;
	int letter = next_letter();

	*ended |= letter < 0;
	for (; letter >= '0' && letter <= '9'; letter = next_letter())
		number = number * 10 + (letter - '0');
	return number;
}

static const char *stop(const char *why)
{
	flush();
	out_at = 0;
	put_text("runtime error: ");
	put_text(why);
	put('\n');
	if (write(2, out, out_at) < 0)
		_exit(2);
	_exit(1);
	return NULL;
}

#ifdef BARE
#define GUARD 64 /* bytes on either side of what was allocated, looked at after each call */
static union { char bytes[8 << 20]; unsigned long long aligned; } arena;
static size_t arena_used;
static size_t arena_size[8];
static char *arena_block[8];
static bool arena_freed[8];
static int blocks;

static void *take(size_t one, size_t other, int filled)
{
	size_t size;
	char *block = arena.bytes + arena_used + GUARD;

	if (__builtin_mul_overflow(one, other, &size) || size > sizeof(arena.bytes) - arena_used - 3 * GUARD || blocks == 8)
		stop("more memory than conform has");
	for (size_t at = 0; at < size + 2 * GUARD; at++)
		block[at - GUARD] = at < GUARD || at >= size + GUARD ? 0x5a : filled;
	arena_used += (size + 2 * GUARD + 15) / 16 * 16;
	arena_block[blocks] = block;
	arena_freed[blocks] = false;
	arena_size[blocks++] = size;
	return block;
}

static void free(void *block)
{
	if (!block)
		return;
	for (int at = 0; at < blocks; at++)
		if (arena_block[at] == block && !arena_freed[at]) {
			arena_freed[at] = true;
			return;
		}
	stop("what is not allocated is freed");
}

static void check_memory(void)
{
	for (int block = 0; block < blocks; block++)
		for (size_t at = 0; at < GUARD; at++)
			if (arena_block[block][-1 - (long)at] != 0x5a || arena_block[block][arena_size[block] + at] != 0x5a)
				stop("the page array is written outside its slots");
	arena_used = blocks = 0;
}

#define calloc(n, size) take(n, size, 0)
#define malloc(size) take(1, size, 0xa5)
#else
static void check_memory(void) {}
#endif

static unsigned long __fls(unsigned long x)
{
	if (!x)
		stop("__fls(0)");
	return BITS_PER_LONG - 1 - __builtin_clzl(x);
}

static unsigned long __ffs(unsigned long x)
{
	if (!x)
		stop("__ffs(0)");
	return __builtin_ctzl(x);
}

static int fls(unsigned int x) { return x ? 32 - __builtin_clz(x) : 0; }
static unsigned int fls_long(unsigned long x) { return x ? 1 + __fls(x) : 0; }
#define ilog2(x) ((int)__fls(x))

static int get_order(unsigned long size)
{
	int order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

#define MOST_FRAMES (1L << 24)
#define MOST_ANSWERS 4096
#define MOST_ASKED 200000
static struct page memory[MOST_FRAMES];
static unsigned char compound[MOST_FRAMES]; /* of a block's first page: the order that it tells */
static char answers[MOST_ANSWERS + 1];
static unsigned long long granted_orders;
static long next_frame;
static int asked, answered;

static long frame_of(struct page *page) { return page - memory; }

static struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	int granted;

	if (order >= 64)
		stop("an order of 64 or more");
	if (asked >= MOST_ASKED)
		stop("it asks without end");
	granted = asked < answered ? answers[asked] == '1' : (granted_orders >> order) & 1;
	asked++;
	put('a');
	put_number(order);
	put(',');
	put_number(gfp);
	put(',');
	if (!granted) {
		put_text("- ");
		return NULL;
	}
	if (order >= 24 || next_frame + (2L << order) > MOST_FRAMES)
		stop("more memory than conform has");
	next_frame = (next_frame + (1L << order) - 1) >> order << order;
	compound[next_frame] = gfp & __GFP_COMP ? order : 0;
	put_number(next_frame);
	put(' ');
	next_frame += 1L << order;
	return memory + next_frame - (1L << order);
}

static unsigned int compound_order(struct page *page) { return compound[frame_of(page)]; }
static unsigned long page_size(struct page *page) { return PAGE_SIZE << compound_order(page); }
static void split_page(struct page *page, unsigned int order) { put_event('s', frame_of(page), order); }
static void __free_pages(struct page *page, unsigned int order) { put_event('f', frame_of(page), order); }
