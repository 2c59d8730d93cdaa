/*
 * What stands around a function that fills its caller's page array: retold, so that a run has a beginning and an end.
 * Read by siblings.py and reader.py; never compiled.
 */

/*
 * vm_area_alloc_pages(), mm/vmalloc.c: __vmalloc_area_node() asks for whole blocks, makes the page array, and where it
 * got fewer pages than it wanted has vfree() give them back, one by one.
 */
struct page **around_vm_area_alloc_pages(gfp_t gfp, int nid, unsigned int order, unsigned int nr_pages)
{
	struct page **pages;
	unsigned int obtained, freed;

	if (nr_pages % (1U << order))
		return NULL;
	pages = kvcalloc(nr_pages, sizeof(*pages), gfp);
	obtained = vm_area_alloc_pages(gfp, nid, order, nr_pages, pages);
	if (obtained == nr_pages)
		return pages;
	for (freed = 0; freed < obtained; freed++)
		__free_page(pages[freed]);
	kvfree(pages);
	return NULL;
}

/*
 * alloc_largest_available(), drivers/dma-buf/heaps/system_heap.c: system_heap_allocate() keeps each block whole, on a
 * list, and asks for none that is larger than it. Where it gets no more it goes through the list and frees each block as
 * what its first page says it is. Here every page stands in an array, block after block. What a page said in an earlier
 * pass is known from where blocks of order 8 and 4 end: they come first. If ever they do not, nothing is freed here.
 */
struct page **around_alloc_largest_available(unsigned long len)
{
	unsigned long size_remaining = len, got = 0, end_of_8 = 0, end_of_4 = 0, freed, i;
	unsigned int max_order = orders[0], order;
	bool in_order = true;
	struct page **pages, *page;

	pages = kvcalloc(len >> PAGE_SHIFT, sizeof(*pages), GFP_KERNEL);
	while (size_remaining > 0) {
		if (fatal_signal_pending(current))
			goto undo;
		page = alloc_largest_available(size_remaining, max_order);
		if (!page)
			goto undo;
		order = compound_order(page);
		for (i = 0; i < 1UL << order; i++)
			pages[got + i] = page + i;
		got += 1UL << order;
		size_remaining -= page_size(page);
		if (order > max_order || (order != 8 && order != 4 && order != 0))
			in_order = false;
		if (order == 8)
			end_of_8 = got;
		if (order != 0)
			end_of_4 = got;
		max_order = order;
	}
	return pages;

undo:
	order = 8;
	for (freed = 0; in_order && freed < got; freed += 1UL << order) {
		if (order == 8 && freed == end_of_8)
			order = 4;
		if (order == 4 && freed == end_of_4)
			order = 0;
		__free_pages(pages[freed], order);
	}
	kvfree(pages);
	return NULL;
}

/*
 * The bulk allocator, mm/page_alloc.c: single pages into an array of NULLs, as many as there are up to so many; it
 * returns how many. Each pass is a turn of the loop that calls it.
 */
static unsigned long bulk(gfp_t gfp, unsigned long wanted, struct page **array)
{
	unsigned long populated = 0;

	if (!wanted)
		return 0;
	do {
		struct page *page = alloc_page(gfp);

		if (!page)
			break;
		array[populated] = page;
		populated++;
	} while (populated < wanted);
	return populated;
}

unsigned long alloc_pages_bulk_array(gfp_t gfp, unsigned long wanted, struct page **array)
{
	return bulk(gfp, wanted, array);
}

unsigned long alloc_pages_bulk_array_noprof(gfp_t gfp, unsigned long wanted, struct page **array)
{
	return bulk(gfp, wanted, array);
}

unsigned long alloc_pages_bulk_array_node(gfp_t gfp, int nid, unsigned long wanted, struct page **array)
{
	return bulk(gfp, wanted, array);
}

unsigned long alloc_pages_bulk_array_node_noprof(gfp_t gfp, int nid, unsigned long wanted, struct page **array)
{
	return bulk(gfp, wanted, array);
}

unsigned long alloc_pages_bulk_array_mempolicy(gfp_t gfp, unsigned long wanted, struct page **array)
{
	return bulk(gfp, wanted, array);
}

unsigned long alloc_pages_bulk_array_mempolicy_noprof(gfp_t gfp, unsigned long wanted, struct page **array)
{
	return bulk(gfp, wanted, array);
}
