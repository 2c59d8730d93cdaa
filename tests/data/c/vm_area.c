/*
 * Ours, small: what vm_area_alloc_pages() of mm/vmalloc.c does, Linux 6.1 to 6.12. Single pages come from the bulk
 * allocator first, a hundred at most at once; blocks of a higher order, and pages that it did not have, one by one.
 */
static unsigned int vm_area_alloc_pages(gfp_t gfp, int nid, unsigned int order, unsigned int nr_pages,
					struct page **pages)
{
	unsigned int nr = 0;
	bool nofail = gfp & __GFP_NOFAIL;
	struct page *page;
	int i;

	if (!order) {
		while (nr < nr_pages) {
			unsigned int wanted = min(100U, nr_pages - nr), got;

			got = alloc_pages_bulk_array_node(gfp & ~__GFP_NOFAIL, nid, wanted, pages + nr);
			nr += got;
			if (got != wanted)
				break;
		}
	} else {
		gfp &= ~__GFP_NOFAIL;
	}

	while (nr < nr_pages) {
		if (!nofail && fatal_signal_pending(current))
			break;
		if (nid == NUMA_NO_NODE)
			page = alloc_pages(gfp, order);
		else
			page = alloc_pages_node(nid, gfp, order);
		if (!page)
			break;
		if (order)
			split_page(page, order);
		for (i = 0; i < (1U << order); i++)
			pages[nr + i] = page + i;
		nr += 1U << order;
	}
	return nr;
}
