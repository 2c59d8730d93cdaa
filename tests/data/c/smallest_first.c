/* Stands for the first version of 2012: __ffs(count), so the smallest chunks come first. */
static struct page **fill(size_t size, gfp_t gfp)
{
	int count = size >> PAGE_SHIFT;
	int i = 0;
	struct page **pages = vzalloc(count * sizeof(struct page *));

	if (!pages)
		return NULL;
	while (count) {
		int j, order = __ffs(count);

		pages[i] = alloc_pages(gfp | __GFP_NOWARN, order);
		while (!pages[i] && order)
			pages[i] = alloc_pages(gfp | __GFP_NOWARN, --order);
		if (!pages[i])
			goto undo;
		if (order)
			split_page(pages[i], order);
		j = 1 << order;
		while (--j)
			pages[i + j] = pages[i] + j;
		__dma_clear_buffer(pages[i], PAGE_SIZE << order);
		i += 1 << order;
		count -= 1 << order;
	}
	return pages;
undo:
	while (i--)
		if (pages[i])
			__free_pages(pages[i], 0);
	vfree(pages);
	return NULL;
}
