/*
 * Ours, small: what alloc_largest_available() of drivers/dma-buf/heaps/system_heap.c does after Linux 6.1, and the
 * constants that it reads: three orders, each with flags of its own. Through 6.1 blocks of order 4 may retry.
 */
#define ONE_PAGE (GFP_HIGHUSER | __GFP_ZERO)
#define BLOCK ((ONE_PAGE | __GFP_NOWARN | __GFP_NORETRY | __GFP_COMP) & ~__GFP_RECLAIM)
#define KINDS ARRAY_SIZE(orders)

static const unsigned int orders[] = { 8, 4, 0 };
static gfp_t flags[] = { BLOCK, BLOCK, ONE_PAGE };

static struct page *alloc_largest_available(unsigned long size, unsigned int max_order)
{
	int at;

	for (at = 0; at < KINDS; at++) {
		struct page *page;

		if (orders[at] > max_order)
			continue;
		if (PAGE_SIZE << orders[at] > size)
			continue;
		page = alloc_pages(flags[at], orders[at]);
		if (page)
			return page;
	}
	return NULL;
}
