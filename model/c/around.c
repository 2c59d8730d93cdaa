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
