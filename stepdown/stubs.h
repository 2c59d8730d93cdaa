/* What a loop of the kernel calls, retold for `stepdown conform`: an allocator that answers by a script, and a record of
 * what was asked. Ours, MIT. The names of flags and attributes come before it, from model/c/table.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32, gfp_t;
typedef unsigned long long u64, dma_addr_t;
typedef _Bool bool;
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
#define likely(x) (x)
#define unlikely(x) (x)
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
#define __dma_clear_buffer(page, size, ...) (void)printf("c%ld,%lu ", frame_of(page), (unsigned long)(size) >> PAGE_SHIFT)

static const char *stop(const char *why)
{
	fflush(stdout);
	fprintf(stderr, "runtime error: %s\n", why);
	exit(1);
}

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
static char answers[MOST_ANSWERS + 1];
static unsigned long granted_orders;
static long next_frame;
static int asked;

static long frame_of(struct page *page) { return page - memory; }

static struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	int granted;

	if (order >= 64)
		stop("an order of 64 or more");
	if (asked >= MOST_ASKED)
		stop("it asks without end");
	granted = asked < (int)strlen(answers) ? answers[asked] == '1' : (granted_orders >> order) & 1;
	asked++;
	if (!granted) {
		printf("a%u,%u,- ", order, gfp);
		return NULL;
	}
	if (order >= 24 || next_frame + (2L << order) > MOST_FRAMES)
		stop("more memory than conform has");
	next_frame = (next_frame + (1L << order) - 1) >> order << order;
	printf("a%u,%u,%ld ", order, gfp, next_frame);
	next_frame += 1L << order;
	return memory + next_frame - (1L << order);
}

static void split_page(struct page *page, unsigned int order) { printf("s%ld,%u ", frame_of(page), order); }
static void __free_pages(struct page *page, unsigned int order) { printf("f%ld,%u ", frame_of(page), order); }
